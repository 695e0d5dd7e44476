//! Accepting connections: TLS or plain, bounded in number, altogether and for each address, and in the time that each step may
//! take, until told to stop.

mod body;
mod connection;
pub mod descriptors;
mod gate;
mod places;
mod pulse;
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
pub(crate) use places::Origin;
use places::{Place, Refused};
use pulse::Pulse;

/// How long a connection that was told to make room may take to be gone.
const MAKING_ROOM: Duration = Duration::from_millis(100);

/// How many connections are asked to make room for one that comes.
const ASKED: usize = 4;

/// How long nothing is accepted after the system refused a connection: accepting again at once would only spin.
const NOTHING_ACCEPTED: Duration = Duration::from_millis(100);

/// A listener with what it serves.
pub struct Front {
    /// Bound already, so that a port in use is told before anything else happens.
    pub listener: TcpListener,
    /// TLS, or plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// What is served.
    pub router: Router,
}

/// Serves all fronts until `stop` becomes true, then lets requests in work end, and their answers be taken.
pub async fn serve(fronts: Vec<Front>, limits: Limits, load: Load, stop: watch::Receiver<bool>) {
    let (open, mut ended) = mpsc::channel(1);
    let running = fronts.into_iter().map(|front| {
        let gate = Gate::new(limits, load.clone());
        accept(front, gate, open.clone(), stop.clone())
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

async fn accept(front: Front, gate: Arc<Gate>, open: mpsc::Sender<()>, mut stop: watch::Receiver<bool>) {
    let tls = front.tls.map(TlsAcceptor::from);
    socket::keep_little_unsent(&front.listener);
    loop {
        let (stream, address) = tokio::select! {
            accepted = front.listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    if gate.load.shed(Shed::Accept) {
                        tracing::warn!(%error, "connections cannot be accepted");
                    }
                    tokio::time::sleep(NOTHING_ACCEPTED).await;
                    continue;
                }
            },
            () = told(&mut stop) => break,
        };
        let Some(place) = place(&gate, address).await else {
            refuse(&stream);
            continue;
        };
        let connection = Connection {
            router: front.router.clone(),
            watch: Watch {
                address,
                gate: Arc::clone(&gate),
                place,
                stop: stop.clone(),
                open: Open::new(gate.load.clone(), open.clone()),
            },
        };
        tokio::spawn(connection.run(stream, tls.clone()));
    }
}

/// A place for a connection from there, which one that is silent, or does not read, may have to leave.
async fn place(gate: &Gate, address: SocketAddr) -> Option<Place> {
    let pulse = Arc::new(Pulse::new(&gate.limits));
    for _ in 0..ASKED {
        let shed = match gate.places.take(address.ip(), &pulse) {
            Ok(place) => return Some(place),
            Err(Refused::Address) => Shed::ConnectionOfAddress,
            Err(Refused::Full) if gate.places.make_room(address.ip()) => {
                let _ = tokio::time::timeout(MAKING_ROOM, gate.places.freed()).await;
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
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
