//! Accepts connections, with TLS or without, until told to stop. Their number is limited, in total and for each
//! address, and so is the time that each step may take.

mod admission;
mod body;
mod connection;
mod deadlines;
pub mod descriptors;
mod slots;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::limits::Limits;
use crate::load::{Cut, Load, Shed};
use admission::Admission;
pub(crate) use admission::AnswerMemory;
pub(crate) use body::TooSlow;
use connection::{Connection, Open, Watch};
use deadlines::Deadlines;
pub(crate) use slots::Origin;
use slots::{LimitReached, Slot};

/// How long a connection that was told to make room may take to close.
const MAKING_ROOM: Duration = Duration::from_millis(100);

/// How many connections are told to make room for a new one.
const ASKED: usize = 4;

/// Pause after the system refused to accept a connection: accepting again at once would be a busy loop.
const NOTHING_ACCEPTED: Duration = Duration::from_millis(100);

/// A bound socket with what it serves.
pub struct Listener {
    /// Bound already, so that a port in use is reported before anything else happens.
    pub listener: TcpListener,
    /// TLS, or plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// What is served.
    pub router: Router,
}

/// Serves all listeners until `stop` becomes true, then lets requests in progress end, and their answers be sent.
pub async fn serve(listeners: Vec<Listener>, limits: Limits, load: Load, stop: watch::Receiver<bool>) {
    let (open, mut ended) = mpsc::channel(1);
    let running = listeners.into_iter().map(|listener| {
        let admission = Admission::new(limits, load.clone());
        accept(listener, admission, open.clone(), stop.clone())
    });
    let running: Vec<_> = running.collect();
    drop(open);
    futures_util::future::join_all(running).await;
    // Nothing is ever sent: the channel closes with the last connection.
    if tokio::time::timeout(limits.stop_time(), ended.recv()).await.is_err() {
        tracing::warn!("some connections did not end in time and were closed");
        load.cut(Cut::Stopped);
    }
}

async fn accept(
    listener: Listener,
    admission: Arc<Admission>,
    open: mpsc::Sender<()>,
    mut stop: watch::Receiver<bool>,
) {
    let tls = listener.tls.map(TlsAcceptor::from);
    socket::keep_little_unsent(&listener.listener);
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    if admission.load.shed(Shed::Accept) {
                        tracing::warn!(%error, "connections cannot be accepted");
                    }
                    tokio::time::sleep(NOTHING_ACCEPTED).await;
                    continue;
                }
            },
            () = stop_requested(&mut stop) => break,
        };
        let Some(slot) = slot(&admission, address).await else {
            refuse(&stream);
            continue;
        };
        let connection = Connection {
            router: listener.router.clone(),
            watch: Watch {
                address,
                admission: Arc::clone(&admission),
                slot,
                stop: stop.clone(),
                open: Open::new(admission.load.clone(), open.clone()),
            },
        };
        tokio::spawn(connection.run(stream, tls.clone()));
    }
}

/// A slot for a connection from that address; a connection that is silent, or does not read, may have to close for it.
async fn slot(admission: &Admission, address: SocketAddr) -> Option<Slot> {
    let deadlines = Arc::new(Deadlines::new(&admission.limits));
    for _ in 0..ASKED {
        let shed = match admission.slots.take(address.ip(), &deadlines) {
            Ok(slot) => return Some(slot),
            Err(LimitReached::Address) => Shed::ConnectionOfAddress,
            Err(LimitReached::Full) if admission.slots.make_room(address.ip()) => {
                let _ = tokio::time::timeout(MAKING_ROOM, admission.slots.freed()).await;
                continue;
            }
            Err(LimitReached::Full) => Shed::Connection,
        };
        turned_away(admission, shed, address);
        return None;
    }
    turned_away(admission, Shed::Connection, address);
    None
}

fn turned_away(admission: &Admission, shed: Shed, address: SocketAddr) {
    if admission.load.shed(shed) {
        tracing::warn!(reason = ?shed, %address, "connections are turned away");
    }
}

/// Closes with a reset, so that the system keeps no state of it.
fn refuse(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Waits for the order to stop; a dropped sender counts as the order.
pub(crate) async fn stop_requested(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
