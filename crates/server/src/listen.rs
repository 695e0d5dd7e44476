//! Accepting connections: TLS or plain, bounded in number, altogether and for each address, and in the time that each step may
//! take, until told to stop.

mod body;
mod connection;
pub mod descriptors;
mod gate;
mod pulse;
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
pub(crate) use body::TooSlow;
use connection::{Connection, Open, Watch};
pub(crate) use gate::AnswerMemory;
use gate::Gate;
use pulse::Pulse;
pub(crate) use slots::Origin;
use slots::{Refused, Slot};

/// How long a connection that was told to make room may take to be gone.
const MAKING_ROOM: Duration = Duration::from_millis(100);

/// How many connections are asked to make room for one that comes.
const ASKED: usize = 4;

/// How long nothing is accepted after the system refused a connection: accepting again at once would only spin.
const NOTHING_ACCEPTED: Duration = Duration::from_millis(100);

/// A listener with what it serves.
pub struct Listener {
    /// Bound already, so that a port in use is told before anything else happens.
    pub listener: TcpListener,
    /// TLS, or plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// What is served.
    pub router: Router,
}

/// Serves all listeners until `stop` becomes true, then lets requests in work end, and their answers be taken.
pub async fn serve(listeners: Vec<Listener>, limits: Limits, load: Load, stop: watch::Receiver<bool>) {
    let (open, mut ended) = mpsc::channel(1);
    let running = listeners.into_iter().map(|listener| {
        let gate = Gate::new(limits, load.clone());
        accept(listener, gate, open.clone(), stop.clone())
    });
    let running: Vec<_> = running.collect();
    drop(open);
    futures_util::future::join_all(running).await;
    // Nobody sends anything: it ends when the last connection has.
    if tokio::time::timeout(limits.stop_time(), ended.recv()).await.is_err() {
        tracing::warn!("some connections did not end in time and were closed");
        load.cut(Cut::Stopped);
    }
}

async fn accept(listener: Listener, gate: Arc<Gate>, open: mpsc::Sender<()>, mut stop: watch::Receiver<bool>) {
    let tls = listener.tls.map(TlsAcceptor::from);
    socket::keep_little_unsent(&listener.listener);
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    if gate.load.shed(Shed::Accept) {
                        tracing::warn!(%error, "connections cannot be accepted");
                    }
                    tokio::time::sleep(NOTHING_ACCEPTED).await;
                    continue;
                }
            },
            () = stop_requested(&mut stop) => break,
        };
        let Some(slot) = slot(&gate, address).await else {
            refuse(&stream);
            continue;
        };
        let connection = Connection {
            router: listener.router.clone(),
            watch: Watch {
                address,
                gate: Arc::clone(&gate),
                slot,
                stop: stop.clone(),
                open: Open::new(gate.load.clone(), open.clone()),
            },
        };
        tokio::spawn(connection.run(stream, tls.clone()));
    }
}

/// A place for a connection from there, which one that is silent, or does not read, may have to leave.
async fn slot(gate: &Gate, address: SocketAddr) -> Option<Slot> {
    let pulse = Arc::new(Pulse::new(&gate.limits));
    for _ in 0..ASKED {
        let shed = match gate.slots.take(address.ip(), &pulse) {
            Ok(slot) => return Some(slot),
            Err(Refused::Address) => Shed::ConnectionOfAddress,
            Err(Refused::Full) if gate.slots.make_room(address.ip()) => {
                let _ = tokio::time::timeout(MAKING_ROOM, gate.slots.freed()).await;
                continue;
            }
            Err(Refused::Full) => Shed::Connection,
        };
        turned_away(gate, shed, address);
        return None;
    }
    turned_away(gate, Shed::Connection, address);
    None
}

fn turned_away(gate: &Gate, shed: Shed, address: SocketAddr) {
    if gate.load.shed(shed) {
        tracing::warn!(reason = ?shed, %address, "connections are turned away");
    }
}

/// Reset, so that the system keeps nothing of it.
fn refuse(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Waits for the order to stop; a giver who is gone gives it too.
pub(crate) async fn stop_requested(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
