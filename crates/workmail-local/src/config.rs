//! The configuration of an endpoint.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use serde::Deserialize;

use crate::{clock::Clock, export::S3Target, faults::Rule, knobs::Knobs, seeds::Seeds};

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{0}: {1}")]
    Unreadable(String, std::io::Error),
    /// The file is not a valid configuration.
    #[error("{0}: {1}")]
    Invalid(String, serde_json::Error),
}

/// The configuration of an endpoint. The file is JSON with the same names in camel case.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// The address to listen on; port 0 takes a free port. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Allows an address that other machines can reach. Nothing on the port asks for a secret.
    /// Default false.
    pub allow_remote: bool,
    /// About how many bytes of memory the calls in the journal may take. Default 64 MiB.
    pub journal_bytes: usize,
    /// The knobs.
    pub knobs: Knobs,
    /// What exists at the start.
    pub seeds: Seeds,
    /// The S3 server that export jobs write to. Without one they write nothing.
    pub s3: Option<S3Target>,
    /// The fault rules at the start.
    pub faults: Vec<Rule>,
    /// The clock of the endpoint.
    #[serde(skip)]
    pub clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            allow_remote: false,
            journal_bytes: 64 << 20,
            knobs: Knobs::default(),
            seeds: Seeds::default(),
            s3: None,
            faults: Vec::new(),
            clock: Clock::system(),
        }
    }
}

impl Config {
    /// Returns the configuration of an empty endpoint with these knobs, on a free port.
    #[must_use]
    pub fn with_knobs(knobs: Knobs) -> Self {
        Self {
            knobs,
            ..Self::default()
        }
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a valid configuration.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let name = || path.display().to_string();
        let text = std::fs::read(path).map_err(|error| ConfigError::Unreadable(name(), error))?;
        serde_json::from_slice(&text).map_err(|error| ConfigError::Invalid(name(), error))
    }
}
