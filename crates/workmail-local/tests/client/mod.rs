//! A client that writes HTTP to the connection itself.

use std::{io, net::SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// One connection.
#[derive(Debug)]
pub(crate) struct Client(BufReader<TcpStream>);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self(BufReader::new(TcpStream::connect(address).await?)))
    }

    /// Returns the request line and the headers of a call, with a signature of the right form.
    pub(crate) fn head(operation: &str) -> String {
        let signature = "0".repeat(64);
        format!(
            "POST / HTTP/1.1\r\ncontent-type: application/x-amz-json-1.1\r\n\
             x-amz-target: WorkMailService.{operation}\r\nx-amz-date: 20261123T101112Z\r\n\
             authorization: AWS4-HMAC-SHA256 \
             Credential=AKIAIOSFODNN7EXAMPLE/20261123/us-east-1/workmail/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"
        )
    }

    pub(crate) async fn call(&mut self, operation: &str, input: &Value) -> io::Result<Answer> {
        self.send(&Self::head(operation), input.to_string().as_bytes())
            .await
    }

    /// Sends a head with `host` and `content-length` added, and a body.
    pub(crate) async fn send(&mut self, head: &str, body: &[u8]) -> io::Result<Answer> {
        let head = format!(
            "{head}\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        // In one write: a second one would wait until the first is acknowledged.
        let request = [head.as_bytes(), body].concat();
        self.0.get_mut().write_all(&request).await?;
        let status = self.line().await?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut headers = Vec::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut answer = Answer {
            status: status.unwrap(),
            headers,
            body: Vec::new(),
        };
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        answer.body.resize(length, 0);
        self.0.read_exact(&mut answer.body).await?;
        Ok(answer)
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
