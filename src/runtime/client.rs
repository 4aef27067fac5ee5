//! The client of the Kubernetes API.

use std::{env, time::Duration};

use http::{Request, Uri};
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::{
        legacy::{
            Client as Http,
            connect::{
                Connection, HttpConnector,
                proxy::{SocksV5, Tunnel},
            },
        },
        proxy::matcher::{Intercept, Matcher},
    },
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder, ConfigExt as _},
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio::time::Instant;
use tower::{BoxError, Service, ServiceBuilder, filter::FilterLayer};

use crate::lease::LeaseTerm;

/// A peer that acknowledges nothing for so long is gone: a node that was switched off, a firewall that
/// forgot the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);
/// An idle connection is probed after this long, and then this often.
const PROBED_AFTER: Duration = Duration::from_secs(15);
const PROBED_EVERY: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is not used again: it may be half open.
const REUSED_WITHIN: Duration = Duration::from_secs(20);

/// A client like kube's own, on sockets that send at once and notice a peer that is gone. kube's leave
/// Nagle's algorithm on: the body of a small request then waits for the acknowledgement of its head,
/// which the other side puts off for up to 40 ms. It sends nothing outside the lease term.
///
/// # Errors
/// The configuration is not sound.
pub fn client(config: &Config, lease_term: LeaseTerm) -> Result<Client, kube::Error> {
    if CryptoProvider::get_default().is_none() {
        // Refused only if another thread was quicker, which is as good.
        let _ = aws_lc_rs::default_provider().install_default();
    }
    let Some(proxy) = proxy(config)? else {
        return over(sockets(), config, lease_term);
    };
    let to = proxy.uri().clone();
    match to.scheme_str() {
        Some("socks5" | "socks5h") => {
            let mut connector = SocksV5::new(to, sockets());
            if let Some((user, password)) = proxy.raw_auth() {
                connector = connector.with_auth(user.to_owned(), password.to_owned());
            }
            over(connector, config, lease_term)
        }
        Some("https") => {
            let secured = config.rustls_https_connector_with_connector(sockets())?;
            over(tunnel(&proxy, secured), config, lease_term)
        }
        Some(_) | None => over(tunnel(&proxy, sockets()), config, lease_term),
    }
}

fn sockets() -> HttpConnector {
    let mut sockets = HttpConnector::new();
    sockets.enforce_http(false);
    sockets.set_nodelay(true);
    sockets.set_keepalive(Some(PROBED_AFTER));
    sockets.set_keepalive_interval(Some(PROBED_EVERY));
    sockets.set_keepalive_retries(Some(3));
    sockets.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    sockets
}

fn tunnel<C>(proxy: &Intercept, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.uri().clone(), connector);
    match proxy.basic_auth() {
        Some(auth) => tunnel.with_auth(auth.clone()),
        None => tunnel,
    }
}

/// A client whose connections are made by the connector.
fn over<C>(connector: C, config: &Config, lease_term: LeaseTerm) -> Result<Client, kube::Error>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let within = FilterLayer::new(move |request: Request<Body>| {
        if lease_term.lasts(Instant::now()) {
            Ok(request)
        } else {
            Err(BoxError::from("another process may have the lease"))
        }
    });
    let mut connector =
        TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let http: Http<_, Body> = Http::builder(TokioExecutor::new())
        .pool_idle_timeout(REUSED_WITHIN)
        .pool_timer(TokioTimer::new())
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(within)
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}

/// The proxy that the API server is reached through, if any.
fn proxy(config: &Config) -> Result<Option<Intercept>, kube::Error> {
    let Some(proxy) = &config.proxy_url else {
        return Ok(None);
    };
    let first = |names: [&str; 2]| {
        let set = names.into_iter().filter_map(|name| env::var(name).ok());
        set.into_iter().find(|value| !value.is_empty())
    };
    // kube takes that of the kubeconfig, else that of the environment, and does not say which.
    let of_environment = first(["HTTPS_PROXY", "https_proxy"]);
    let of_environment = of_environment.and_then(|one| one.parse::<Uri>().ok());
    let exceptions = (of_environment.as_ref() == Some(proxy))
        .then(|| first(["NO_PROXY", "no_proxy"]).unwrap_or_default());
    match proxy.scheme_str() {
        None | Some("http" | "https" | "socks5" | "socks5h") => {
            Ok(intercept(proxy, &config.cluster_url, exceptions.as_deref()))
        }
        Some(_) => Err(kube::Error::ProxyProtocolUnsupported {
            proxy_url: Box::new(proxy.clone()),
        }),
    }
}

/// As kubectl does it: a proxy of the kubeconfig is for every API server, one of the environment for all
/// but this machine and the `exceptions` of `NO_PROXY`. kube's own client compares the address of the
/// proxy with them, and not that of the API server.
fn intercept(proxy: &Uri, server: &Uri, exceptions: Option<&str>) -> Option<Intercept> {
    let host = server.host().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let is_here = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
    // hyper-util takes `*` for every name, and for no address.
    let is_for_none = |exceptions: &str| exceptions.split(',').any(|one| one.trim() == "*");
    if exceptions.is_some_and(|exceptions| is_here || is_for_none(exceptions)) {
        return None;
    }
    Matcher::builder()
        .all(proxy.to_string())
        .no(exceptions.unwrap_or_default())
        .build()
        .intercept(server)
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, net::SocketAddr};

    use rstest::rstest;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
        net::{TcpListener, TcpStream},
        time::{sleep, timeout},
    };

    use super::*;

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(30);

    fn config(address: &str) -> Config {
        Config::new(address.parse().unwrap())
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Reads up to the end of a request's header.
    async fn header(stream: &mut TcpStream) -> String {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            let byte = stream.read_u8().await.unwrap();
            read.push(byte);
        }
        String::from_utf8(read).unwrap()
    }

    /// Answers each request for the version after this long, on as many connections as come.
    async fn api_server(after: Duration) -> SocketAddr {
        let (listener, address) = listener().await;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    loop {
                        header(&mut stream).await;
                        sleep(after).await;
                        answer(&mut stream).await;
                    }
                });
            }
        });
        address
    }

    async fn answer(stream: &mut TcpStream) {
        let version = r#"{"major":"1","minor":"36","gitVersion":"v","gitCommit":"","gitTreeState":"","buildDate":"","goVersion":"","compiler":"","platform":""}"#;
        let length = version.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{version}"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    #[tokio::test]
    async fn nothing_is_sent_when_the_lease_may_be_another_s() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let client = client(&config(&url), LeaseTerm::ended()).unwrap();
        let error = client.apiserver_version().await.unwrap_err();
        let told = format!("{error:?}");
        assert!(
            told.contains("another process may have the lease"),
            "{told}"
        );
        let nobody_came = listener.accept().unwrap_err();
        assert_eq!(nobody_came.kind(), ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn the_api_server_is_reached_through_the_proxy_with_its_password() {
        let server = api_server(Duration::ZERO).await;
        let (proxy, address) = listener().await;
        let asked = tokio::spawn(async move {
            let (mut client, _) = proxy.accept().await.unwrap();
            let asked = header(&mut client).await;
            let mut server = TcpStream::connect(server).await.unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
            asked
        });
        // No name server knows it: only the proxy can.
        let mut config = config("http://api.cluster.invalid:6443");
        config.proxy_url = Some(format!("http://me:pa%40ss@{address}").parse().unwrap());
        let client = client(&config, LeaseTerm::unlimited()).unwrap();
        let version = timeout(LONG, client.apiserver_version()).await.unwrap();
        assert_eq!(version.unwrap().minor, "36");
        let asked = asked.await.unwrap().to_ascii_lowercase();
        assert!(asked.starts_with("connect api.cluster.invalid:6443 http/1.1"));
        // me:pa@ss
        assert!(
            asked.contains("proxy-authorization: basic bwu6cgfac3m="),
            "{asked}"
        );
    }

    #[tokio::test]
    async fn a_proxy_of_an_unknown_protocol_is_told() {
        let mut config = config("https://127.0.0.1:6443");
        config.proxy_url = Some("gopher://127.0.0.1:70".parse().unwrap());
        let Err(error) = client(&config, LeaseTerm::unlimited()) else {
            panic!("it is not known");
        };
        assert!(error.to_string().contains("gopher"), "{error}");
    }

    #[rstest]
    #[case::of_the_kubeconfig_for_every_server("https://10.0.0.1:6443", None, true)]
    #[case::of_the_kubeconfig_for_this_machine_too("https://127.0.0.1:6443", None, true)]
    #[case::for_no_server_of_a_network("https://10.0.0.1:6443", Some("10.0.0.0/8"), false)]
    #[case::for_a_server_of_another_network("https://11.0.0.1:6443", Some("10.0.0.0/8"), true)]
    #[case::for_no_server_of_a_domain("https://api.corp.example", Some("x, .corp.example"), false)]
    #[case::for_no_server_of_ipv6("https://[fd00::1]:6443", Some("fd00::/8"), false)]
    #[case::for_no_server("https://10.0.0.1", Some("*"), false)]
    #[case::for_all_but_this_machine("https://localhost:6443", Some(""), false)]
    #[case::for_all_but_this_machine("https://127.0.0.1:6443", Some(""), false)]
    #[case::for_all_but_this_machine("https://[::1]:6443", Some(""), false)]
    // The address of the proxy is no matter.
    #[case::although_the_proxy_is_excepted(
        "https://10.0.0.1:6443",
        Some("proxy.corp.example"),
        true
    )]
    fn a_proxy_is_used(
        #[case] server: &str,
        #[case] exceptions: Option<&str>,
        #[case] is_used: bool,
    ) {
        let proxy = "http://proxy.corp.example:3128".parse().unwrap();
        let used = intercept(&proxy, &server.parse().unwrap(), exceptions);
        assert_eq!(used.is_some(), is_used);
    }

    #[tokio::test]
    async fn a_server_that_takes_a_request_and_says_nothing_is_given_up() {
        let (_silent, address) = listener().await;
        let mut config = config(&format!("http://{address}"));
        config.read_timeout = Some(Duration::from_millis(200));
        let client = client(&config, LeaseTerm::unlimited()).unwrap();
        let answer = timeout(LONG, client.apiserver_version()).await;
        answer.expect("it is given up").unwrap_err();
    }

    #[tokio::test]
    async fn the_time_that_a_connection_was_idle_is_not_that_of_the_next_request() {
        let silence = Duration::from_millis(1200);
        let server = api_server(silence * 2 / 3).await;
        let mut config = config(&format!("http://{server}"));
        config.read_timeout = Some(silence);
        config.reset_reader_on_write = true;
        let client = client(&config, LeaseTerm::unlimited()).unwrap();
        for _ in 0..2 {
            client.apiserver_version().await.unwrap();
            // The next request goes over the same connection.
            sleep(silence * 2 / 3).await;
        }
    }
}
