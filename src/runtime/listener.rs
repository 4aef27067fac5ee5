//! The sockets of probes and metrics: on every address of both families, with bounds on what a client
//! may hold.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket2::{Domain, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
    time::{sleep, timeout},
};

/// How much clients may hold of one listener.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The time for the header of a request, and so between two requests.
    header: Duration,
    /// The life of a connection.
    life: Duration,
    /// The connections at once. The oldest is closed for one more, so that a probe is always answered.
    connections: usize,
    /// The bytes that are buffered of a request.
    buffer: usize,
}

const BOUNDS: Bounds = Bounds {
    header: Duration::from_secs(5),
    life: Duration::from_mins(1),
    connections: 64,
    buffer: 16 * 1024,
};

/// Connections that wait for the process to take them.
const BACKLOG: i32 = 128;
/// After the system refused a connection, for lack of file descriptors for example.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Listens on an address. The unspecified address of either family stands for all addresses of both, as
/// with the components of Kubernetes: the default works in clusters of IPv4, of IPv6 and of both.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_unspecified() {
        return listen(address);
    }
    let port = address.port();
    match listen((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            // The system has no IPv6.
            listen((Ipv4Addr::UNSPECIFIED, port).into())
        }
        listener => listener,
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves the routes until the process ends.
pub(super) async fn serve(listener: TcpListener, routes: Router) {
    serve_within(BOUNDS, listener, routes).await;
}

async fn serve_within(bounds: Bounds, listener: TcpListener, routes: Router) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                open.retain(|connection| !connection.is_finished());
                if open.len() >= bounds.connections
                    && let Some(oldest) = open.pop_front()
                {
                    oldest.abort();
                }
                let connection = tokio::spawn(connection(bounds, stream, routes.clone()));
                open.push_back(connection.abort_handle());
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be taken");
                sleep(TRY_AGAIN).await;
            }
        }
    }
}

async fn connection(bounds: Bounds, stream: TcpStream, routes: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header)
        .max_buf_size(bounds.buffer)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    match timeout(bounds.life, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended"),
        Err(_) => tracing::debug!("a connection was closed for its age"),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use rstest::rstest;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::Instant,
    };

    use super::*;

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(30);

    const WIDE: Bounds = Bounds {
        header: LONG,
        life: LONG,
        connections: 64,
        buffer: 8 * 1024,
    };

    fn served(bounds: Bounds) -> SocketAddr {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/livez", get(|| async { "ok" }));
        tokio::spawn(serve_within(bounds, listener, routes));
        address
    }

    async fn ask(stream: &mut TcpStream) -> String {
        let request = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = [0; 1024];
        let read = timeout(LONG, stream.read(&mut answer)).await;
        let length = read.expect("an answer").unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    /// Waits until the other side has closed the connection, whatever it says before.
    async fn is_closed(stream: &mut TcpStream) {
        let mut rest = Vec::new();
        // A reset closes it, too.
        let _ = timeout(LONG, stream.read_to_end(&mut rest))
            .await
            .expect("closed");
    }

    #[rstest]
    #[case::of_ipv4("0.0.0.0:0")]
    #[case::of_ipv6("[::]:0")]
    #[tokio::test]
    async fn the_unspecified_address_is_that_of_both_families(#[case] address: SocketAddr) {
        let listener = bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        for loopback in ["127.0.0.1", "::1"] {
            let ip: std::net::IpAddr = loopback.parse().unwrap();
            let (client, taken) = tokio::join!(
                TcpStream::connect((ip, port)),
                timeout(LONG, listener.accept())
            );
            client.unwrap();
            taken.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn another_address_is_listened_on_alone_and_a_port_in_use_is_told() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(
            TcpStream::connect((Ipv6Addr::LOCALHOST, address.port()))
                .await
                .is_err()
        );
        assert_eq!(bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[rstest]
    #[case::that_sends_nothing(b"")]
    #[case::that_does_not_end_its_header(b"GET /livez HTTP/1.1\r\nHost:")]
    #[case::that_has_had_its_answer(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")]
    #[tokio::test]
    async fn a_client_is_let_go(#[case] sent: &[u8]) {
        let header = Duration::from_millis(200);
        let address = served(Bounds { header, ..WIDE });
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(sent).await.unwrap();
        let begun = Instant::now();
        is_closed(&mut client).await;
        assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_client_that_asks_again_and_again_is_let_go_after_a_life() {
        let life = Duration::from_millis(300);
        let address = served(Bounds { life, ..WIDE });
        let mut client = TcpStream::connect(address).await.unwrap();
        let begun = Instant::now();
        assert!(ask(&mut client).await.ends_with("ok"));
        is_closed(&mut client).await;
        assert!(begun.elapsed() >= life);
    }

    #[tokio::test]
    async fn the_oldest_connection_makes_room_and_one_more_is_always_answered() {
        let connections = 4;
        let address = served(Bounds {
            connections,
            ..WIDE
        });
        let mut open = Vec::new();
        for _ in 0..connections {
            let mut client = TcpStream::connect(address).await.unwrap();
            assert!(ask(&mut client).await.ends_with("ok"));
            open.push(client);
        }
        let mut late = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut late).await.ends_with("ok"));
        is_closed(&mut open.remove(0)).await;
        for client in &mut open {
            assert!(ask(client).await.ends_with("ok"), "it is still open");
        }
    }

    #[tokio::test]
    async fn a_header_without_end_is_refused() {
        let address = served(WIDE);
        let mut client = TcpStream::connect(address).await.unwrap();
        let flood = "x".repeat(64 * 1024);
        let request = format!("GET /livez HTTP/1.1\r\nHost: {flood}");
        // It may be reset before all is sent.
        let _ = client.write_all(request.as_bytes()).await;
        is_closed(&mut client).await;
    }
}
