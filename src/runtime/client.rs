//! The client of the Kubernetes API.

use http::Request;
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder, ConfigExt as _},
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio::time::Instant;
use tower::{BoxError, ServiceBuilder, filter::FilterLayer};

use crate::lease::LeaseTerm;

/// A client like kube's own, on sockets that send at once. kube's leave Nagle's algorithm on: the body
/// of a small request then waits for the acknowledgement of its head, which the other side puts off
/// for up to 40 ms. It sends nothing outside the lease term.
///
/// # Errors
/// The configuration is not sound.
pub fn client(config: Config, lease_term: LeaseTerm) -> Result<Client, kube::Error> {
    let within = FilterLayer::new(move |request: Request<Body>| {
        if lease_term.lasts(Instant::now()) {
            Ok(request)
        } else {
            Err(BoxError::from("another process may have the lease"))
        }
    });
    // What kube keeps to itself: tunnels, and certificates that a program gives for a time.
    if config.proxy_url.is_some() || config.auth_info.exec.is_some() {
        let kubes_own = ClientBuilder::try_from(config)?;
        return Ok(kubes_own.with_layer(&within).build());
    }
    if CryptoProvider::get_default().is_none() {
        // Refused only if another thread was quicker, which is as good.
        let _ = aws_lc_rs::default_provider().install_default();
    }
    let mut sockets = HttpConnector::new();
    sockets.enforce_http(false);
    sockets.set_nodelay(true);
    let mut connector =
        TimeoutConnector::new(config.rustls_https_connector_with_connector(sockets)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let http: Http<_, Body> = Http::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(within)
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, net::TcpListener};

    use super::*;

    #[tokio::test]
    async fn nothing_is_sent_when_the_lease_may_be_another_s() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = Config::new(url.parse().unwrap());
        let client = client(config, LeaseTerm::ended()).unwrap();
        let error = client.apiserver_version().await.unwrap_err();
        let told = format!("{error:?}");
        assert!(
            told.contains("another process may have the lease"),
            "{told}"
        );
        let nobody_came = listener.accept().unwrap_err();
        assert_eq!(nobody_came.kind(), ErrorKind::WouldBlock);
    }
}
