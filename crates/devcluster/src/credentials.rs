//! The certificate of the API server, and the credentials of its clients.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use kube::{Config, config::AuthInfo};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::json;

use crate::{Error, error::Context as _};

/// The address of the API server, which its certificate names.
pub(crate) const HOST: &str = "127.0.0.1";

/// Files of the API server, in its working folder.
pub(crate) const TLS_CERTIFICATE: &str = "server.crt";
pub(crate) const TLS_KEY: &str = "server.key";
pub(crate) const TOKENS: &str = "tokens.csv";
pub(crate) const SIGNING_KEY: &str = "service-accounts.key";
pub(crate) const SIGNING_KEY_PUBLIC: &str = "service-accounts.pub";

/// What a client needs to connect to the API server as its administrator.
#[derive(Debug)]
pub(crate) struct Credentials {
    certificate: rcgen::Certificate,
    admin_token: String,
    port: u16,
}

impl Credentials {
    /// Creates keys, certificate and tokens for a server on `port`, and writes
    /// what the API server needs to `folder`.
    pub(crate) fn create(folder: &Path, port: u16) -> Result<Self, Error> {
        let mut params = CertificateParams::new([HOST.to_owned()])?;
        params
            .distinguished_name
            .push(DnType::CommonName, "devcluster");
        let tls_key = KeyPair::generate()?;
        let certificate = params.self_signed(&tls_key)?;
        let signing_key = KeyPair::generate()?;
        let admin_token = format!("{:032x}", rand::random::<u128>());

        let file = |name, text: &str| write_private(&folder.join(name), text);
        file(TLS_CERTIFICATE, &certificate.pem())?;
        file(TLS_KEY, &tls_key.serialize_pem())?;
        file(SIGNING_KEY, &signing_key.serialize_pem())?;
        file(SIGNING_KEY_PUBLIC, &signing_key.public_key_pem())?;
        file(
            TOKENS,
            &format!("{admin_token},admin,admin,system:masters\n"),
        )?;
        Ok(Self {
            certificate,
            admin_token,
            port,
        })
    }

    fn url(&self) -> String {
        format!("https://{HOST}:{}", self.port)
    }

    /// Returns the administrator's configuration of a client.
    pub(crate) fn config(&self) -> Config {
        // Not from the kubeconfig, because kube would use a proxy of the
        // environment.
        let url = http::Uri::try_from(self.url()).unwrap_or_default();
        let mut config = Config::new(url);
        config.root_cert = Some(vec![self.certificate.der().to_vec()]);
        config.auth_info = AuthInfo {
            token: Some(self.admin_token.clone().into()),
            ..AuthInfo::default()
        };
        config
    }

    /// Writes the administrator's kubeconfig.
    pub(crate) fn write_admin_kubeconfig(&self, path: &Path) -> Result<(), Error> {
        self.write_kubeconfig(path, "admin", &self.admin_token)
    }

    /// Writes the kubeconfig of a user with a token.
    pub(crate) fn write_kubeconfig(
        &self,
        path: &Path,
        user: &str,
        token: &str,
    ) -> Result<(), Error> {
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": "devcluster",
                "cluster": {
                    "server": self.url(),
                    "certificate-authority-data": BASE64_STANDARD.encode(self.certificate.pem()),
                },
            }],
            "users": [{ "name": user, "user": { "token": token } }],
            "contexts": [{ "name": "devcluster", "context": { "cluster": "devcluster", "user": user } }],
            "current-context": "devcluster",
        });
        // JSON is YAML.
        write_private(path, &format!("{kubeconfig:#}\n"))
    }
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .context("write", path)
}
