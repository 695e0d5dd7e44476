//! Just enough of HTTP/1.1 to put load on a server without costing what is to be measured.

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A connection that is kept open.
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

    /// Sends a whole request and reads a whole answer: its status, and its body in the buffer, chunks as they came.
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
            // What is asked for is JSON, in which no line break stands: the last chunk's end is the first place like it.
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
