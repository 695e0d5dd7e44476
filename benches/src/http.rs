//! The part of HTTP/1.1 needed to put load on a server, at little cost to the measurement.

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A keep-alive connection.
pub(crate) struct Connection<S> {
    stream: S,
    received: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            received: Vec::with_capacity(16 * 1024),
        }
    }

    /// Sends a complete request and reads the complete answer: its status, and its body in the buffer, still chunked.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.received.clear();
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let head = loop {
            self.more().await?;
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(&self.received[..head])?.to_ascii_lowercase();
        let status = text.get(9..12).context("no status")?.parse()?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let Some(length) = length else {
            ensure!(
                text.contains("\r\ntransfer-encoding: chunked\r\n"),
                "neither Content-Length nor chunks"
            );
            // The body is JSON without line breaks, so the last chunk's end is the first occurrence of this.
            while !self.received.ends_with(b"\r\n0\r\n\r\n") {
                self.more().await?;
            }
            return Ok((status, &self.received[head..]));
        };
        let end = head + length.trim().parse::<usize>()?;
        while self.received.len() < end {
            self.more().await?;
        }
        Ok((status, &self.received[head..end]))
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}
