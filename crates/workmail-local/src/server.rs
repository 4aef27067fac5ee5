//! The server: its port, its connections, and how it stops and starts again with the same state.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    ops::Deref,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};
use tower::ServiceExt;

use crate::{
    config::Config,
    contract::Contract,
    control,
    endpoint::Endpoint,
    seeds::SeedError,
    wire::{self, Closed, metadata},
};

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The server cannot listen on the address.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The address is not a loopback address, and `allow_remote` is false.
    #[error("{0} can be reached from other machines, and nothing on it asks for a secret")]
    Remote(SocketAddr),
    /// A seed of the configuration is not valid.
    #[error("seeds: {0}")]
    Seed(#[from] SeedError),
    /// The model in this crate cannot be read.
    #[error("{0}")]
    Model(String),
}

/// An endpoint that listens. It dereferences to its [`Endpoint`]. When it is dropped, it stops.
#[derive(Debug)]
pub struct Server {
    endpoint: Endpoint,
    address: SocketAddr,
    listening: Mutex<Option<Listening>>,
}

#[derive(Debug)]
struct Listening {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Deref for Server {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Server {
    /// Starts to listen, on the current runtime.
    ///
    /// # Errors
    /// The address cannot be used, or the configuration is not valid.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        let Config {
            listen,
            allow_remote,
            ..
        } = config;
        if !listen.ip().is_loopback() && !allow_remote {
            return Err(ServerError::Remote(listen));
        }
        Contract::model().map_err(|error| ServerError::Model(error.to_string()))?;
        let endpoint = Endpoint::new(config)?;
        let (address, listening) = Listening::start(listen, endpoint.clone()).await?;
        Ok(Self {
            endpoint,
            address,
            listening: Mutex::new(Some(listening)),
        })
    }

    /// Returns the address, which stays the same when the server is stopped.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL for `AWS_ENDPOINT_URL_WORKMAIL` and `AWS_ENDPOINT_URL_STS`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the endpoint, which may outlive the server.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Closes the port and every connection. The state stays.
    pub async fn stop(&self) {
        let listening = self
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Listening { stop, task }) = listening {
            // Sending fails if the task has ended already.
            let _received = stop.send(());
            let _ended = task.await;
        }
    }

    /// Listens on the same port again, with the same state. Does nothing if it listens.
    ///
    /// # Errors
    /// Another process has the port.
    pub async fn resume(&self) -> Result<(), ServerError> {
        if self
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
        {
            return Ok(());
        }
        let (_, listening) = Listening::start(self.address, self.endpoint.clone()).await?;
        *self
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(listening);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let listening = self
            .listening
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(Listening { task, .. }) = listening {
            // Connections are tasks of this task, and end with it.
            task.abort();
        }
    }
}

impl Listening {
    async fn start(
        address: SocketAddr,
        endpoint: Endpoint,
    ) -> Result<(SocketAddr, Self), ServerError> {
        let failed = |error| ServerError::Listen(address, error);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(listen(listener, endpoint, stopped));
        Ok((address, Self { stop, task }))
    }
}

async fn listen(listener: TcpListener, endpoint: Endpoint, mut stopped: oneshot::Receiver<()>) {
    let control = control::router(endpoint.clone()).merge(metadata::router(endpoint.clone()));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, endpoint.clone(), control.clone()));
                }
                // Probably no file descriptor is free: connections have to close first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, endpoint: Endpoint, control: Router) {
    // Without this, answers are delayed.
    let _set = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, &endpoint, &control));
    // An error means that the client left or that a fault closed the connection.
    let _ended = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    endpoint: &Endpoint,
    control: &Router,
) -> Result<Response<Body>, Closed> {
    let path = request.uri().path();
    let prefixes = [control::PREFIX].into_iter().chain(metadata::PREFIXES);
    if prefixes.into_iter().any(|prefix| path.starts_with(prefix)) {
        let answered: Result<_, Infallible> = control.clone().oneshot(request.map(Body::new)).await;
        return answered.map_err(|never| match never {});
    }
    wire::serve(endpoint, request).await
}
