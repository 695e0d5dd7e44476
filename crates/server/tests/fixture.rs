//! An authority in memory behind the router of HTTPS.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_authority::config::Config;
use chancery_authority::issue::{CsrFileName, FoundCsr};
use chancery_authority::port::{Ledger as _, Ports};
use chancery_authority::profile::Profiles;
use chancery_authority::{Authority, TokenScope, TokenScopes};
use chancery_server::app;
use chancery_server::limits::Limits;
use chancery_server::request_id::CurrentRequest;
use chancery_server::state::{AppState, RequestFiles};
use chancery_server::tokens::{Tokens, TokensUnavailable, ValidToken};
pub(crate) use chancery_testing::QUICK;
use chancery_testing::memory::MemoryPorts;
use chancery_testing::{NOW, Requester};
use chancery_x509::time::UnixTime;
use serde_json::Value;
use tower::ServiceExt as _;

pub(crate) struct Fixture {
    pub(crate) memory: Arc<MemoryPorts>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) state: AppState,
    router: Router,
    plain: Router,
}

impl Fixture {
    /// With its CAs.
    pub(crate) async fn new(config: &str) -> Self {
        let fixture = Self::open(Arc::new(MemoryPorts::new(NOW)), config).await;
        fixture.authority.initialise(&|_: &str| ()).await.unwrap();
        fixture
    }

    /// Another process over the same deployment.
    pub(crate) async fn beside(other: &Self) -> Self {
        Self::open(Arc::clone(&other.memory), QUICK).await
    }

    async fn open(memory: Arc<MemoryPorts>, config: &str) -> Self {
        let config = Config::from_toml(config).unwrap();
        let ports = Ports {
            invocation: Arc::new(CurrentRequest),
            ..memory.faulty_ports()
        };
        let authority = Authority::open(ports, config, Profiles::built_in()).await;
        let authority = Arc::new(authority.unwrap());
        let state = AppState::new(Arc::clone(&authority), Arc::new(ByName), Arc::new(NoFiles));
        Self {
            memory,
            authority,
            router: app::https(state.clone(), &Limits::default()),
            plain: app::http(state.clone(), &Limits::default()),
            state,
        }
    }

    /// What the router makes of a request of the token of that scope.
    pub(crate) fn send(
        &self,
        scope: TokenScope,
        method: Method,
        path: &str,
        body: &Value,
    ) -> impl Future<Output = Response<Body>> + use<> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {scope}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let router = self.router.clone();
        async move { router.oneshot(request).await.unwrap() }
    }

    /// What the router of plain HTTP makes of a request without a token.
    pub(crate) async fn plain(&self, path: &str, accept: &str) -> Response<Body> {
        let request = Request::builder().uri(path).header("accept", accept);
        let request = request.body(Body::empty()).unwrap();
        self.plain.clone().oneshot(request).await.unwrap()
    }

    /// Asks for a certificate; status and answer.
    pub(crate) async fn issue(&self, body: &Value) -> (u16, Value) {
        let answer = self
            .send(TokenScope::Issue, Method::POST, "/api/v1/certificates", body)
            .await;
        (answer.status().as_u16(), json(answer).await)
    }

    /// Intents that are neither complete nor given up.
    pub(crate) async fn open_intents(&self) -> usize {
        let open = self
            .memory
            .ledger
            .intents()
            .list_open(None, UnixTime(i64::MAX), 100)
            .await;
        open.unwrap().intents.len()
    }
}

/// JSON of an answer.
pub(crate) async fn json(answer: Response<Body>) -> Value {
    let octets = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&octets).unwrap()
}

/// A CSR for a new key, as requests carry it.
pub(crate) fn csr(name: &str) -> String {
    let der = Requester::new().csr(name);
    BASE64_STANDARD.encode(chancery_x509::pem::encode("CERTIFICATE REQUEST", &der))
}

/// A token's text is its scope's name.
struct ByName;

#[async_trait]
impl Tokens for ByName {
    async fn verify(&self, text: &str) -> Result<Option<ValidToken>, TokensUnavailable> {
        Ok(text.parse::<TokenScope>().ok().map(|scope| ValidToken {
            id: text.to_owned(),
            name: "tests".to_owned(),
            scopes: TokenScopes::from_iter([scope]),
        }))
    }
}

struct NoFiles;

impl RequestFiles for NoFiles {
    fn find(&self, _name: &CsrFileName) -> FoundCsr {
        let place = "nowhere".to_owned();
        FoundCsr::Missing { place }
    }
}
