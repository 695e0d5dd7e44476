//! Which function this process is.

/// One function of the contract, or `sweep`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Creates the root CA.
    CreateRootCa,
    /// Creates the issuing CA.
    CreateIssuingCa,
    /// Revokes what `revoked-root-ca.json` lists, and publishes the root CA's CRL.
    RootCaCrl,
    /// Revokes what `revoked.json` lists, and publishes the issuing CA's CRL.
    IssuingCaCrl,
    /// Issues a certificate.
    TlsCert,
    /// Sends reminders of certificates that expire.
    Expiry,
    /// Forwards notices to Slack.
    Notify,
    /// Completes or gives up issuances that were interrupted.
    Sweep,
}

/// A handler's name that selects no function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no handler {handler:?}: set the function's handler to one of {}", known())]
pub struct UnknownHandler {
    /// As configured, cut to 80 characters.
    pub handler: String,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 8] = [
        Self::CreateRootCa,
        Self::CreateIssuingCa,
        Self::RootCaCrl,
        Self::IssuingCaCrl,
        Self::TlsCert,
        Self::Expiry,
        Self::Notify,
        Self::Sweep,
    ];

    /// The function of a handler's name such as `tls_cert.lambda_handler`: the part before the first dot decides.
    pub fn from_handler(handler: &str) -> Result<Self, UnknownHandler> {
        let module = handler.split('.').next().unwrap_or_default();
        let found = Self::ALL.into_iter().find(|function| function.name() == module);
        found.ok_or_else(|| UnknownHandler {
            handler: handler.chars().take(80).collect(),
        })
    }

    /// The handler's name without `.lambda_handler`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateRootCa => "create_root_ca",
            Self::CreateIssuingCa => "create_issuing_ca",
            Self::RootCaCrl => "root_ca_crl",
            Self::IssuingCaCrl => "issuing_ca_crl",
            Self::TlsCert => "tls_cert",
            Self::Expiry => "expiry",
            Self::Notify => "notify",
            Self::Sweep => "sweep",
        }
    }
}

fn known() -> String {
    let names = Function::ALL.map(|function| format!("{}.lambda_handler", function.name()));
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_are_the_contract_s() {
        for function in Function::ALL {
            let handler = format!("{}.lambda_handler", function.name());
            assert_eq!(Function::from_handler(&handler), Ok(function));
        }
        for wrong in [
            "",
            "tls-cert.lambda_handler",
            "bootstrap",
            ".tls_cert",
            "TLS_CERT.lambda_handler",
        ] {
            let error = Function::from_handler(wrong).unwrap_err();
            assert!(error.to_string().contains("sweep.lambda_handler"), "{error}");
        }
    }
}
