//! What the program does beside running the operator: commands that a person runs with their own rights.

mod download;
mod output;
mod progress;
mod scan;
mod source;
mod store;
pub mod unpack;
pub mod verify;

use std::io;

use thiserror::Error;

pub use output::Output;

use crate::proof::{FormatError, Trouble};

/// Why a command ends with a failure.
#[derive(Debug, Error)]
pub enum Failed {
    /// What was asked for could not be done, with the next step.
    #[error("{0}")]
    Told(String),
    /// Standard output, or a file.
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
    /// A document.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// The result as YAML.
    #[error("cannot write the result: {0}")]
    Yaml(#[from] serde_saphyr::ser_error::Error),
    /// The result as JSON.
    #[error("cannot write the result: {0}")]
    Json(#[from] serde_json::Error),
}

impl Failed {
    fn reading(what: &impl std::fmt::Display, trouble: &Trouble) -> Self {
        Self::Told(match trouble {
            Trouble::NotFound => format!("Check the name: {what} does not exist."),
            Trouble::Damaged(damage) => format!("{what} cannot be read: {damage}."),
            Trouble::Failed(said) => {
                format!("Check your rights to {what}: it cannot be read ({said}).")
            }
        })
    }
}
