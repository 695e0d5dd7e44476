//! The API as a program asks it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
use chancery_x509::name::Subject;
use serde_json::{Value, json};
use ureq::Agent;

use crate::harness::Server;

/// Asks a server with a token.
pub(crate) struct Client {
    pub(crate) agent: Agent,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Client {
    /// With a new token of that scope.
    pub(crate) fn new(server: &Server<'_>, scope: &str) -> Self {
        Self {
            agent: server.agent(),
            base: format!("{}/api/v1", server.https),
            token: server.token(scope),
        }
    }

    /// Status and JSON of the answer.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_with(path, body, &[])
    }

    /// The same, with further headers.
    pub(crate) fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send_json(body).unwrap();
        (response.status().as_u16(), response.body_mut().read_json().unwrap())
    }

    /// Status and JSON of the answer.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let request = self
            .agent
            .get(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        let mut response = request.call().unwrap();
        (response.status().as_u16(), response.body_mut().read_json().unwrap())
    }

    /// Asks for a certificate for a new key.
    pub(crate) fn issue(&self, name: &str) -> (u16, Value) {
        let body = json!({ "common_name": name, "base64_csr_data": new_request(name) });
        self.post("/certificates", &body)
    }
}

/// A CSR for a new key, as requests carry it.
pub(crate) fn new_request(name: &str) -> String {
    let key = ClientKey::generate(ClientKeyAlgorithm::P256).unwrap();
    let subject = Subject {
        common_name: Some(name.to_owned()),
        ..Subject::default()
    };
    let request = key.request(&subject.to_name().unwrap(), &[]).unwrap();
    BASE64_STANDARD.encode(chancery_x509::pem::encode("CERTIFICATE REQUEST", &request))
}
