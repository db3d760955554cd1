//! An HTTP server that answers as told, also as no server should. It speaks for itself: a library would mend
//! what is broken on purpose.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

/// How a server answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// These bytes, then it closes.
    Bytes(Vec<u8>),
    /// These bytes, then nothing for ever.
    Hangs(Vec<u8>),
    /// These bytes, then a byte now and then for ever.
    Drips(Vec<u8>),
    /// These bytes, then spaces as fast as they are taken.
    Endless(Vec<u8>),
    /// It closes without a word.
    HangsUp,
}

impl Answer {
    /// 200 with JSON that is fresh for no time, so that it is asked for again at once.
    pub fn json(body: impl AsRef<str>) -> Self {
        Self::with(
            "200 OK",
            "content-type: application/json\r\ncache-control: max-age=0\r\n",
            body.as_ref().as_bytes(),
        )
    }

    /// The same, fresh for long.
    pub fn fresh(body: impl AsRef<str>) -> Self {
        Self::with("200 OK", "content-type: application/json\r\n", body.as_ref().as_bytes())
    }

    /// Any status, header lines (each ending with CRLF) and body.
    pub fn with(status: &str, headers: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
        Self::Bytes([head.as_bytes(), body].concat())
    }

    pub fn status(status: &str) -> Self {
        Self::with(status, "", b"")
    }
}

/// A running server; dropped, it is gone.
pub struct Mock {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// By path; the last of those that begin the path asked for.
    answers: Mutex<Vec<(String, Answer)>>,
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

impl Mock {
    /// On a free port.
    pub async fn start(answer: Answer) -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address"), answer).await
    }

    /// On this port.
    pub async fn at(address: SocketAddr, answer: Answer) -> Self {
        Self::listen(address, answer, None).await
    }

    /// Over TLS.
    pub async fn tls(answer: Answer, config: ServerConfig) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::listen("127.0.0.1:0".parse().expect("an address"), answer, Some(acceptor)).await
    }

    async fn listen(address: SocketAddr, answer: Answer, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("a bound address");
        let shared = Arc::new(Shared::default());
        shared.answers.lock().expect("no panic").push(("/".to_owned(), answer));
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let (shared, tls) = (Arc::clone(&serving), tls.clone());
                open.spawn(async move {
                    match tls {
                        None => shared.serve(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                shared.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, shared, _task: AbortOnDropHandle::new(task) }
    }

    /// From now on it answers so.
    pub fn answer(&self, answer: Answer) {
        self.answer_at("/", answer);
    }

    /// From now on it answers so at paths that begin so.
    pub fn answer_at(&self, path: &str, answer: Answer) {
        let mut answers = self.shared.answers.lock().expect("no panic");
        answers.retain(|(known, _)| known != path);
        answers.push((path.to_owned(), answer));
        answers.sort_by_key(|(path, _)| path.len());
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many requests came.
    pub fn hits(&self) -> usize {
        self.shared.requests.lock().expect("no panic").len()
    }

    /// Heads of the requests.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().expect("no panic").clone()
    }

    /// How many connections came.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match stream.read(&mut byte).await {
                Ok(1) => head.extend(byte),
                Ok(_) | Err(_) => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = {
            let answers = self.answers.lock().expect("no panic");
            answers.iter().rev().find(|(known, _)| path.starts_with(known)).map(|(_, answer)| answer.clone())
        };
        self.requests.lock().expect("no panic").push(head);
        if let Some(answer) = answer {
            // The other side may go away at any time.
            let _ = send(&mut stream, answer).await;
        }
    }
}

async fn send(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::HangsUp => {}
        Answer::Bytes(bytes) => stream.write_all(&bytes).await?,
        Answer::Hangs(bytes) => {
            stream.write_all(&bytes).await?;
            // Until the other side gives up.
            let mut byte = [0];
            let _ = stream.read(&mut byte).await;
        }
        Answer::Drips(bytes) => {
            stream.write_all(&bytes).await?;
            loop {
                stream.write_all(b" ").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Answer::Endless(bytes) => {
            stream.write_all(&bytes).await?;
            loop {
                stream.write_all(&[b' '; 16 * 1024]).await?;
            }
        }
    }
    stream.shutdown().await
}
