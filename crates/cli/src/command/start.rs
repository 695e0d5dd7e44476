//! `chancery start`: create what is missing, open, serve, until told to stop.

mod own_certificate;
mod tokens;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chancery_authority::Principal;
use chancery_authority::issue::{CsrFileName, FoundCsr};
use chancery_local::folder::{DataFolder, FolderError};
use chancery_server::app;
use chancery_server::limits::{FEWEST_DESCRIPTORS, Limits};
use chancery_server::listen::{self, Listener, descriptors};
use chancery_server::state::{AppState, RequestFiles};
use chancery_server::{scheduler, tls};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::arguments::{Arguments, StartArguments};
use crate::local_authority::{LocalAuthority, Threads};
use crate::show;
use own_certificate::ServerCertificate;
use tokens::LedgerTokens;

/// How long requests with unsafe methods may take to end after the listeners have stopped.
const LAST_CHANGES: Duration = Duration::from_secs(30);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(arguments: &Arguments, start: &StartArguments) -> Result<ExitCode> {
    if arguments.url.is_some() {
        bail!("`chancery start` serves a data folder: leave --url out");
    }
    // A port in use is reported before an authority is created.
    let (_lock, local) = LocalAuthority::create(arguments, &start.init, Threads::All, || ports_are_free(start))?;
    local.runtime.block_on(serve(arguments, start, &local))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(arguments: &Arguments, start: &StartArguments, local: &LocalAuthority) -> Result<()> {
    let authority = Arc::clone(&local.authority);
    let limits = within_descriptors(local.limits)?;
    // Before anything is signed.
    let https = TcpListener::bind(start.https)
        .await
        .with_context(|| taken(start.https, HTTPS))?;
    let http = TcpListener::bind(start.http)
        .await
        .with_context(|| taken(start.http, HTTP))?;
    // What the last run left unfinished is settled before anything new begins: with the folder's lock held, the only
    // other process can be a command that runs right now, whose intent would merely have to be repeated.
    let swept = authority
        .sweep_older_than(0)
        .await
        .context("open intents cannot be swept")?;
    if !swept.completed.is_empty() || !swept.lost.is_empty() {
        eprintln!(
            "Swept what the last run left open: {} completed, {} marked lost.",
            swept.completed.len(),
            swept.lost.len()
        );
    }
    for what in &swept.unreadable {
        eprintln!(
            "An open intent cannot be read, and nobody knows whether something was signed for it: {}",
            show::visible(what)
        );
    }
    let own = ServerCertificate::open(Arc::clone(&authority), local.folder.clone(), &start.names).await?;
    let tls = Arc::new(tls::server_config(own.identity(), Arc::clone(&authority))?);

    let state = AppState::new(
        Arc::clone(&authority),
        Arc::new(LedgerTokens::new(
            Arc::clone(&local.tokens),
            Arc::clone(&authority.ports().clock),
        )),
        Arc::new(CsrFolder(local.folder.clone())),
    )
    .shown_as(own.identity());
    let (metrics, load) = (Arc::clone(state.metrics()), state.load().clone());
    let changes = state.changes().clone();
    let addresses = Addresses {
        api: https.local_addr()?,
        files: http.local_addr()?,
    };
    let listeners = vec![
        Listener {
            listener: https,
            tls: Some(tls),
            router: app::https(state.clone(), &limits),
        },
        Listener {
            listener: http,
            tls: None,
            router: app::http(state, &limits),
        },
    ];
    let (order, stop) = watch::channel(false);
    let serving = tokio::spawn(listen::serve(listeners, limits, load, stop.clone()));
    let scheduled = tokio::spawn(scheduler::run(authority, Arc::new(own), metrics, stop));
    // Before the ready message, after which a supervisor may send a signal.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    for warning in &local.warnings {
        eprintln!("warning: {}", show::visible(warning));
    }
    ready(arguments, local, &addresses)?;

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let _ = order.send(true);
    if !arguments.json {
        eprintln!("Stopping: requests in work are finished. Once more to stop at once.");
    }
    let ended = async {
        serving.await?;
        // Its current work may be interrupted, as by a crash, once it has had the time that requests have.
        let ended = match tokio::time::timeout(limits.request_time, scheduled).await {
            Ok(ended) => ended,
            Err(_) => Ok(()),
        };
        // The listeners have stopped, but requests in progress must end: the next start would have to sweep unfinished
        // ones.
        if !changes.wait_for_end(LAST_CHANGES).await {
            tracing::warn!("some requests did not end in time; the next start settles them");
        }
        ended
    };
    tokio::select! {
        ended = ended => ended?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Raises the limit on descriptors to what the limits can use, and lowers the limits to what is available.
fn within_descriptors(limits: Limits) -> Result<Limits> {
    let available = descriptors::raise(limits.descriptors());
    if available < FEWEST_DESCRIPTORS {
        bail!(
            "this process may have {available} file descriptors and needs {FEWEST_DESCRIPTORS}: raise the hard limit \
             (`ulimit -Hn`, LimitNOFILE in a systemd unit)"
        );
    }
    let fitted = limits.within(available);
    if fitted.connections < limits.connections {
        eprintln!(
            "warning: {available} file descriptors are enough for {} connections on each port, not for {}: raise the hard \
             limit (`ulimit -Hn`, LimitNOFILE in a systemd unit)",
            fitted.connections, limits.connections
        );
    }
    Ok(fitted)
}

/// The options that set the addresses to listen on.
const HTTPS: &str = "--https";
const HTTP: &str = "--http";

/// Binds both ports, and releases them: no client must wait in the queue of a server that still asks for its
/// passphrase.
fn ports_are_free(start: &StartArguments) -> Result<()> {
    let _https = std::net::TcpListener::bind(start.https).with_context(|| taken(start.https, HTTPS))?;
    let _http = std::net::TcpListener::bind(start.http).with_context(|| taken(start.http, HTTP))?;
    Ok(())
}

fn taken(address: SocketAddr, option: &str) -> String {
    format!("cannot listen on {address}; choose another with {option}")
}

/// The addresses it listens on: with port 0 the system chose the port.
struct Addresses {
    api: SocketAddr,
    files: SocketAddr,
}

fn ready(arguments: &Arguments, local: &LocalAuthority, addresses: &Addresses) -> Result<()> {
    let (https, http) = (
        format!("https://{}", addresses.api),
        format!("http://{}", addresses.files),
    );
    if arguments.json {
        let line = json!({ "https": https, "http": http, "dir": local.folder.path(), "warnings": local.warnings });
        return show::json_line(&line);
    }
    println!("Chancery is ready.\n");
    show::facts([
        ("API", format!("{https}/api/v1")),
        ("Files", format!("{http}/")),
        ("Data folder", local.folder.path().display().to_string()),
        (
            "Root",
            local.folder.public().join(root_file(local)).display().to_string(),
        ),
    ]);
    println!(
        "\nIn another terminal: `chancery request NAME --out FOLDER`, or `chancery token create --scope issue` for the API."
    );
    println!("Press Ctrl-C to stop.");
    Ok(())
}

fn root_file(local: &LocalAuthority) -> String {
    let cas = local.authority.cas();
    cas.first()
        .map(|ca| chancery_authority::config::Config::crt_name(ca.name()).to_string())
        .unwrap_or_default()
}

/// The CSRs in the data folder's `csrs`.
struct CsrFolder(DataFolder);

impl RequestFiles for CsrFolder {
    fn find(&self, name: &CsrFileName) -> FoundCsr {
        let place = "csrs".to_owned();
        match self.0.csr_file(name) {
            Ok(Some(octets)) => FoundCsr::Content { octets, place },
            Ok(None) => FoundCsr::Missing { place },
            Err(FolderError::TooLong { len, limit, .. }) => FoundCsr::TooLong {
                actual: usize::try_from(len).unwrap_or(usize::MAX),
                limit: usize::try_from(limit).unwrap_or(usize::MAX),
                place,
            },
            Err(error) => FoundCsr::Unreadable {
                detail: error.to_string(),
                place,
            },
        }
    }
}

/// Principal of the server's own requests.
const OURSELVES: Principal = Principal::AUTHORITY;
