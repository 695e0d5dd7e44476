//! A connection's socket; where the connection is cut, the data in the system's buffers is discarded with it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::deadlines::Deadlines;

/// Octets of an answer that the system accepts before it has sent them. What it accepts counts as progress, and it
/// accepts more once half of this is sent: its default is megabytes, which a client at the least rate takes minutes to
/// read.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 32 * 1024;

/// Limits the unsent data of accepted connections (on Linux they inherit it). Data in transit to a peer is not counted,
/// so that no connection becomes slower.
#[cfg(any(target_os = "android", target_os = "linux"))]
pub(super) fn keep_little_unsent(listener: &TcpListener) {
    if let Err(error) = socket2::SockRef::from(listener).set_tcp_notsent_lowat(UNSENT) {
        tracing::warn!(
            %error,
            "the limit on unsent data could not be set: slow readers may be cut off as if they had stopped reading"
        );
    }
}

/// Other systems have small defaults, or no such option.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
pub(super) fn keep_little_unsent(_: &TcpListener) {}

/// A socket. Closed normally where its connection ended on its own; reset where it was cut, since the system would
/// otherwise keep megabytes for a peer that does not read, long after the process has released them.
pub(super) struct Socket {
    stream: TcpStream,
    deadlines: Arc<Deadlines>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, deadlines: Arc<Deadlines>) -> Self {
        // Answers are small and complete: waiting to fill a segment would only delay them.
        let _ = stream.set_nodelay(true);
        Self { stream, deadlines }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.deadlines.is_cut() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
