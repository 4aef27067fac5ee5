//! What an endpoint starts with.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{clock::Clock, faults::Rule, knobs::Knobs, seeds::Seeds};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{0}: {1}")]
    Unreadable(String, std::io::Error),
    /// The file is no configuration.
    #[error("{0}: {1}")]
    Invalid(String, serde_json::Error),
}

/// What an endpoint starts with. As a file it is JSON with the same names in camel case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// Where to listen; port 0 takes a free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Whether `listen` may be anything but a loopback address: nothing on this port asks for
    /// a secret. Default false.
    pub allow_remote: bool,
    /// How many bytes the calls in the journal may take, about. Default 64 MiB.
    pub journal_bytes: usize,
    /// The knobs.
    pub knobs: Knobs,
    /// What is there.
    pub seeds: Seeds,
    /// What goes wrong.
    pub faults: Vec<Rule>,
    /// The clock that organizations live by.
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
            faults: Vec::new(),
            clock: Clock::system(),
        }
    }
}

impl Config {
    /// An empty endpoint with these knobs, on a free port.
    #[must_use]
    pub fn with_knobs(knobs: Knobs) -> Self {
        Self {
            knobs,
            ..Self::default()
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no configuration.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let name = || path.display().to_string();
        let text = std::fs::read(path).map_err(|error| ConfigError::Unreadable(name(), error))?;
        serde_json::from_slice(&text).map_err(|error| ConfigError::Invalid(name(), error))
    }
}
