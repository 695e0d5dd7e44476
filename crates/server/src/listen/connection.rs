//! One connection, from its acceptance to its end: the TLS handshake, HTTP of the version that ALPN chose (always
//! HTTP/1.1 without TLS), and a check of its deadlines whenever one may have passed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use super::admission::{Admission, Admitted, AnswerMemory};
use super::body::{AnswerBody, RequestBody};
use super::deadlines::{Deadlines, Verdict};
use super::slots::{LimitReached, Origin, Peer, Resource, Slot};
use super::socket::Socket;
use super::{ASKED, stop_requested};
use crate::api::problem::Problem;
use crate::limits::Limits;
use crate::load::{Cut, Load, Shed};
use crate::peer::PeerCertificate;

/// Most octets that hyper buffers of an HTTP/1.1 connection.
const BUFFER: usize = 64 * 1024;

/// Octets that an HTTP/2 stream may send before the server reads them, and that may wait in the server's buffers for
/// it.
const STREAM_BUFFER: u32 = 64 * 1024;

/// Octets that all streams of a connection together may send before the server reads them.
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// Interval and timeout of HTTP/2 PINGs: a peer that disappeared would otherwise keep a request's slot.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How long a connection with nothing in progress may take to close once the server stops.
const TO_LEAVE: Duration = Duration::from_secs(2);

/// How long an answer's memory may take to become free after its connection was told to make room.
const TO_BE_FREE: Duration = Duration::from_millis(25);

/// How often a connection is checked once the server stops, or it is to make room.
const STOPPING: Duration = Duration::from_millis(100);

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) router: Router,
    pub(super) watch: Watch,
}

/// What watches over a connection.
pub(super) struct Watch {
    pub(super) address: SocketAddr,
    pub(super) admission: Arc<Admission>,
    pub(super) slot: Slot,
    pub(super) stop: watch::Receiver<bool>,
    /// Dropped with the connection: `serve` waits for the last one.
    pub(super) open: Open,
}

/// Counts a connection as long as it is open.
pub(super) struct Open {
    load: Load,
    _ended: mpsc::Sender<()>,
}

/// Answers the requests of a connection.
#[derive(Clone)]
struct RequestHandler {
    router: Router,
    admission: Arc<Admission>,
    certificate: Option<Arc<PeerCertificate>>,
    origin: Origin,
    peer: Arc<Peer>,
    deadlines: Arc<Deadlines>,
}

impl Open {
    pub(super) fn new(load: Load, ended: mpsc::Sender<()>) -> Self {
        load.connected();
        Self { load, _ended: ended }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.load.disconnected();
    }
}

impl Connection {
    pub(super) async fn run(mut self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let socket = Socket::new(stream, Arc::clone(&self.watch.slot.deadlines));
        let Some(tls) = tls else {
            return self.http1(socket, None).await;
        };
        let Some(stream) = self.watch.handshake(socket, tls).await else {
            return;
        };
        let (_, session) = stream.get_ref();
        let is_http2 = session.alpn_protocol() == Some(b"h2");
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let certificate =
            certificate.map(|certificate| Arc::new(PeerCertificate::verified(certificate.clone().into_owned())));
        if is_http2 {
            self.http2(stream, certificate).await;
        } else {
            self.http1(stream, certificate).await;
        }
    }

    async fn http1<S>(self, stream: S, certificate: Option<Arc<PeerCertificate>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handler = self.handler(certificate);
        let service = hyper::service::service_fn(move |request| handler.clone().answer(request));
        // A head has at most a hundred fields, by hyper's own limit: setting one would cost every request an
        // allocation.
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.watch.admission.limits.silence)
            .max_header_size(Limits::HEAD)
            .max_buf_size(BUFFER);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        self.watch.serve(connection, http1::Connection::graceful_shutdown).await;
    }

    async fn http2<S>(self, stream: S, certificate: Option<Arc<PeerCertificate>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handler = self.handler(certificate);
        let service = hyper::service::service_fn(move |request| handler.clone().answer(request));
        // h2 has limits of its own for streams that are reset before they are answered (twenty), and for CONTINUATION
        // frames (as many as the largest head can fill).
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .max_concurrent_streams(Limits::STREAMS)
            .initial_stream_window_size(STREAM_BUFFER)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(STREAM_BUFFER as usize)
            .max_header_list_size(u32::try_from(Limits::HEAD).unwrap_or(u32::MAX));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        self.watch.serve(connection, http2::Connection::graceful_shutdown).await;
    }

    fn handler(&self, certificate: Option<Arc<PeerCertificate>>) -> RequestHandler {
        RequestHandler {
            router: self.router.clone(),
            admission: Arc::clone(&self.watch.admission),
            certificate,
            origin: self.watch.address.ip().into(),
            peer: Arc::clone(&self.watch.slot.peer),
            deadlines: Arc::clone(&self.watch.slot.deadlines),
        }
    }
}

impl Watch {
    async fn handshake(&mut self, socket: Socket, tls: TlsAcceptor) -> Option<TlsStream<Socket>> {
        let deadlines = Arc::clone(&self.slot.deadlines);
        let accepted = tokio::select! {
            accepted = timeout_at(deadlines.first_head(), tls.accept(socket)) => accepted,
            () = deadlines.room_requested() => {
                self.cut(Cut::MadeRoom);
                return None;
            }
            () = stop_requested(&mut self.stop) => return None,
        };
        match accepted {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::debug!(peer = %self.address, %error, "TLS handshake failed"),
            Err(_) => self.cut(Cut::Silent),
        }
        None
    }

    /// Serves until the connection ends, is to close and has nothing in progress, or misses a deadline.
    async fn serve<C>(mut self, connection: C, finish: impl Fn(Pin<&mut C>))
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let mut connection = pin!(connection);
        let deadlines = Arc::clone(&self.slot.deadlines);
        let mut timer = pin!(sleep_until(deadlines.first_head()));
        let (mut is_finishing, mut is_leaving, mut stopped) = (false, false, None);
        loop {
            let mut again = match deadlines.verdict() {
                Verdict::Fine(again) => again,
                Verdict::Finish(again) => {
                    if !is_finishing {
                        is_finishing = true;
                        finish(connection.as_mut());
                    }
                    again
                }
                Verdict::Silent => return self.cut(Cut::Silent),
                Verdict::Stuck => return self.cut(Cut::Unread),
            };
            if let Some(leave) = stopped {
                let now = Instant::now();
                if now >= leave && deadlines.is_idle() {
                    return self.cut(Cut::Stopped);
                }
                again = again.min(now + STOPPING);
            }
            if is_leaving {
                // A request may have come meanwhile: then it is answered first.
                if deadlines.is_idle() || deadlines.gives_up() {
                    return self.cut(Cut::MadeRoom);
                }
                if !is_finishing {
                    is_finishing = true;
                    finish(connection.as_mut());
                }
                again = again.min(Instant::now() + STOPPING);
            }
            timer.as_mut().reset(again);
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(peer = %self.address, %error, "connection ended early");
                    }
                    return;
                }
                () = deadlines.room_requested(), if !is_leaving => is_leaving = true,
                () = stop_requested(&mut self.stop), if stopped.is_none() => {
                    stopped = Some(Instant::now() + TO_LEAVE);
                    finish(connection.as_mut());
                }
                () = timer.as_mut() => {}
            }
        }
    }

    fn cut(&self, why: Cut) {
        tracing::debug!(peer = %self.address, ?why, "connection cut");
        self.open.load.cut(why);
        self.slot.deadlines.cut();
    }
}

impl RequestHandler {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<AnswerBody>, Infallible> {
        let mut admitted = self.admission.register(&self.deadlines, request.body().is_end_stream());
        let taken = match admitted.take_answer_slot(&self.peer) {
            Err(LimitReached::Full) => {
                self.after_others(Resource::Answer, || admitted.take_answer_slot(&self.peer))
                    .await
            }
            taken => taken,
        };
        let admitted = Arc::new(admitted);
        if taken.is_err() {
            return Ok(self.turn_away(Shed::Answer, admitted));
        }
        let Some(request_slot) = self.admission.request_slot() else {
            return Ok(self.turn_away(Shed::Request, admitted));
        };
        let is_safe = request.method().is_safe();
        let (mut head, body) = request.into_parts();
        if let Some(certificate) = &self.certificate {
            head.extensions.insert(Arc::clone(certificate));
        }
        head.extensions.insert(self.origin);
        let request = Request::from_parts(head, RequestBody::new(body, Arc::clone(&admitted)));
        let answer = self.router.clone().oneshot(request).await?;
        drop(request_slot);
        let octets = octets(&answer);
        if octets > Limits::SHORT_ANSWER {
            if !is_safe {
                admitted.take_octets_regardless(octets);
            } else if !self.takes_octets(&admitted, octets).await {
                return Ok(self.turn_away(Shed::Memory, admitted));
            }
        }
        Ok(send_answer(answer, admitted))
    }

    async fn takes_octets(&self, admitted: &Admitted, octets: usize) -> bool {
        let taken = match admitted.take_octets(octets) {
            Err(LimitReached::Full) => {
                self.after_others(Resource::Octets(octets), || admitted.take_octets(octets))
                    .await
            }
            taken => taken,
        };
        taken.is_ok()
    }

    /// Makes other connections that hold more, and do not read or read slowly, free what is wanted, and takes it.
    async fn after_others(
        &self,
        resource: Resource,
        mut take: impl FnMut() -> Result<(), LimitReached> + Send,
    ) -> Result<(), LimitReached> {
        for _ in 0..ASKED {
            if !self.admission.slots.make_room_for_answer(&self.peer, resource) {
                break;
            }
            sleep(TO_BE_FREE).await;
            match take() {
                Err(LimitReached::Full) => {}
                taken => return taken,
            }
        }
        Err(LimitReached::Full)
    }

    fn turn_away(&self, shed: Shed, admitted: Arc<Admitted>) -> Response<AnswerBody> {
        if self.admission.load.shed(shed) {
            tracing::warn!(reason = ?shed, "requests are turned away");
        }
        let problem = Problem::unavailable("the server has too much to do; try again in a moment");
        send_answer(problem.into_response(), admitted)
    }
}

/// Octets of memory that an answer does not share.
fn octets(answer: &Response) -> usize {
    let hint = answer.body().size_hint();
    let all = usize::try_from(hint.upper().unwrap_or(hint.lower())).unwrap_or(usize::MAX);
    let of_its_own = answer.extensions().get::<AnswerMemory>();
    of_its_own.map_or(all, |AnswerMemory(octets)| *octets)
}

fn send_answer(answer: Response, admitted: Arc<Admitted>) -> Response<AnswerBody> {
    admitted.transfer.answer();
    answer.map(|body| AnswerBody::new(body, admitted))
}
