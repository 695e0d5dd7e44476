//! The CSR of a request: from the requester, or from a file that operators keep.

use chancery_x509::csr::{CertificationRequest, CsrError};
use chancery_x509::name::Name;

use super::csr_file::{CsrFile, FoundCsr};
use super::requested_names::ListedNames;
use super::{IssueError, Refusal, budget, csr_names};
use crate::profile::Profile;

/// A CSR with proof of possession of its key: parsed once, within its budget, and its signature verified.
#[derive(Clone, Debug)]
pub struct Csr {
    verified: CertificationRequest,
    received: Vec<u8>,
    origin: Origin,
}

/// Where a CSR came from.
#[derive(Clone, Debug)]
enum Origin {
    Requester,
    /// A file, which may be used for these names: having its name does not mean having its key.
    File {
        asked: ListedNames,
    },
}

impl Csr {
    /// The requester's own, PEM or DER, if it is valid and its signature verifies.
    pub fn parse(received: &[u8]) -> Result<Self, CsrError> {
        Ok(Self {
            verified: CertificationRequest::parse(received, &budget::CSR_CONTENT)?,
            received: received.to_vec(),
            origin: Origin::Requester,
        })
    }

    /// The content of a CSR file, if a request for the names `asked` may use it. Every other request gets the same
    /// answer, whether the file is missing, damaged, or belongs to other names.
    pub fn of_file(file: CsrFile, asked: ListedNames) -> Result<Self, IssueError> {
        let verified = csr_names::of_file(&asked, &file)?;
        let received = match file.found {
            FoundCsr::Content { octets, .. } => octets,
            FoundCsr::Unread | FoundCsr::Missing { .. } | FoundCsr::TooLong { .. } | FoundCsr::Unreadable { .. } => {
                Vec::new()
            }
        };
        Ok(Self {
            verified,
            received,
            origin: Origin::File { asked },
        })
    }

    /// The parsed CSR.
    pub fn verified(&self) -> &CertificationRequest {
        &self.verified
    }

    /// The octets that were received, PEM or DER.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Whether it came from a file, which stays the same from request to request.
    pub fn is_of_file(&self) -> bool {
        matches!(self.origin, Origin::File { .. })
    }

    /// For a CSR of a file: the names that it may be used for.
    pub(super) fn names_of_file(&self) -> Option<&ListedNames> {
        match &self.origin {
            Origin::Requester => None,
            Origin::File { asked } => Some(asked),
        }
    }

    /// Refuses to record the key of a requester's CSR that has names under a name that is not one of them.
    pub(super) fn check_recorded(&self, profile: &Profile, (subject, recorded): (&Name, &str)) -> Result<(), Refusal> {
        // The names for a file were checked before anything about it was revealed.
        if self.is_of_file() {
            return Ok(());
        }
        csr_names::check_recorded(&self.verified, profile, subject, recorded)
    }
}
