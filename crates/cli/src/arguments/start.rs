//! Arguments for creating and serving an authority.
#![allow(clippy::doc_markdown)] // these are help texts, shown as written

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::PathBuf;

use clap::Args;

/// An address to listen on: `127.0.0.1:8443`, `[::1]:8443`, a host name of this machine, or `:8443` for every address.
fn listening(text: &str) -> Result<SocketAddr, String> {
    const FORM: &str =
        "write ADDRESS:PORT, e.g. 127.0.0.1:8443, [::1]:8443, localhost:8443, or :8443 for every address";
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').ok_or(FORM)?;
    let port: u16 = port.parse().map_err(|_| FORM)?;
    if host.is_empty() {
        return Ok(every_address(port));
    }
    if host.contains([':', '/', '[']) {
        return Err(FORM.to_owned());
    }
    let found = (host, port)
        .to_socket_addrs()
        .map_err(|error| format!("{host}: {error}; {FORM}"))?;
    let addresses: Vec<SocketAddr> = found.collect();
    // Where a name has both, most clients try the IPv4 address.
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    first.copied().ok_or_else(|| format!("{host} has no address; {FORM}"))
}

/// IPv6 and IPv4 at once where this machine has both.
fn every_address(port: u16) -> SocketAddr {
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let has_both = UdpSocket::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).is_ok();
    if has_both {
        both
    } else {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
    }
}

#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// Address of the API and files over HTTPS: ADDR:PORT, HOST:PORT, or :PORT for every address; port 0 picks one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8443", value_parser = listening)]
    pub(crate) https: SocketAddr,

    /// Address of the files over plain HTTP; port 0 picks one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", value_parser = listening)]
    pub(crate) http: SocketAddr,

    /// Name or address in the server's own certificate; may be given several times
    #[arg(long = "name", value_name = "NAME", default_values = ["localhost", "127.0.0.1", "::1"])]
    pub(crate) names: Vec<String>,

    #[command(flatten)]
    pub(crate) init: InitArguments,
}

/// How an authority is created; of no account once it exists.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Configuration to start from [default: a P-384 root and a P-256 issuing CA]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Protect the CA keys with a passphrase of yours, asked for at every start, instead of a generated one in the data folder
    #[arg(long)]
    pub(crate) ask_passphrase: bool,

    /// Keep the CA keys in the PKCS #11 token behind this module
    #[arg(long, value_name = "FILE", requires = "pkcs11_token")]
    pub(crate) pkcs11_module: Option<PathBuf>,

    /// The token's label
    #[arg(long, value_name = "LABEL", requires = "pkcs11_module")]
    pub(crate) pkcs11_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_listen_on_are_as_people_write_them() {
        assert_eq!(listening("127.0.0.1:8443"), Ok("127.0.0.1:8443".parse().unwrap()));
        assert_eq!(listening("[::1]:0"), Ok("[::1]:0".parse().unwrap()));
        let every = listening(":8443").unwrap();
        assert!(every.ip().is_unspecified() && every.port() == 8443, "{every}");
        let local = listening("localhost:8443").unwrap();
        assert!(local.ip().is_loopback() && local.port() == 8443, "{local}");
        for wrong in [
            "8443",
            "",
            "https://localhost:8443",
            "::1:x",
            "localhost",
            "127.0.0.1:99999",
            "::1:8443x",
        ] {
            let error = listening(wrong).unwrap_err();
            assert!(error.contains("127.0.0.1:8443"), "{wrong:?}: {error}");
        }
    }
}
