//! Bodies in transit: a request's must arrive at the least rate, and the client must read an answer's at it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep_until};

use super::admission::Admitted;

/// Octets of an answer that are handed to hyper at a time, and that must be sent before they count as progress.
const PIECE: usize = 16 * 1024;

/// A request's body did not arrive in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request's body arrived too slowly")]
pub(crate) struct TooSlow;

/// Why a request's body did not arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArrivalError {
    // Not transparent: the handler looks for it among the sources.
    #[error("{0}")]
    TooSlow(#[from] TooSlow),
    #[error(transparent)]
    Connection(#[from] hyper::Error),
}

/// A request's body, while it arrives.
pub(super) struct RequestBody {
    body: Incoming,
    admitted: Arc<Admitted>,
    /// Made when a task waits.
    timer: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, admitted: Arc<Admitted>) -> Self {
        Self {
            body,
            admitted,
            timer: None,
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.admitted.transfer.body_deadline() else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = ArrivalError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ArrivalError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.admitted.transfer.moved(frame.data_ref().map_or(0, Bytes::len));
                if this.body.is_end_stream() {
                    this.admitted.transfer.arrived();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                this.admitted.transfer.arrived();
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(this.poll_deadline(cx));
                this.admitted.was_slow();
                Poll::Ready(Some(Err(TooSlow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. Each piece keeps the answer's slot and memory as long as it exists, in whichever buffer, and
/// counts as progress when it is dropped: that hyper polls for it only shows that there was room for it.
pub(super) struct AnswerBody {
    body: axum::body::Body,
    /// Octets taken from the body and not handed on yet.
    left: Bytes,
    admitted: Arc<Admitted>,
}

/// A piece of an answer.
struct Piece {
    octets: Bytes,
    admitted: Arc<Admitted>,
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.admitted.transfer.moved(self.octets.len());
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.octets
    }
}

impl AnswerBody {
    pub(super) fn new(body: axum::body::Body, admitted: Arc<Admitted>) -> Self {
        Self {
            body,
            left: Bytes::new(),
            admitted,
        }
    }

    fn piece(&mut self) -> Bytes {
        let octets = self.left.split_to(self.left.len().min(PIECE));
        Bytes::from_owner(Piece {
            octets,
            admitted: Arc::clone(&self.admitted),
        })
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        while this.left.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(octets) => this.left = octets,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return Poll::Ready(other),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(this.piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (left, rest) = (self.left.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(left));
        }
        hint.set_lower(rest.lower().saturating_add(left));
        hint
    }
}
