//! What ends a reconcile without an outcome. AWS trouble is not among it: that is an outcome.

use kube::core::Status;
use thiserror::Error;

use crate::logic::Failure;

/// What the Kubernetes API said no to, and its sentence.
#[derive(Debug, Error)]
#[error("the Kubernetes API refused to {what}: {} (code: {})", .status.message, .status.code)]
pub struct Refusal {
    /// What was asked of it.
    pub what: &'static str,
    /// Its answer.
    pub status: Box<Status>,
}

impl Refusal {
    /// Whether an error is a refusal. A conflict and an absence say something of the object; an
    /// overloaded API server, or one that does not know us for a moment, refuses nothing.
    pub(super) fn is_one(status: &Status) -> bool {
        match status.code {
            401 | 404 | 408 | 409 | 429 => false,
            // An admission webhook that does not answer.
            500 => true,
            code => (400..500).contains(&code),
        }
    }

    /// Returns the failure that it is for an object with these names. `read_failed`: only a read was refused.
    pub(super) fn failure(&self, read_failed: bool, named: &[String]) -> Failure {
        Failure::of_kubernetes_naming(
            named,
            self.what,
            self.status.code,
            &self.status.message,
            read_failed,
        )
    }

    /// Whether it only says that the namespace is being deleted, and takes nothing new.
    pub(super) fn is_of_namespace_end(&self) -> bool {
        let details = self.status.details.as_ref();
        details.is_some_and(|details| {
            let mut causes = details.causes.iter();
            causes.any(|cause| cause.reason == "NamespaceTerminating")
        })
    }
}

/// A reconcile that could not come to an outcome.
#[derive(Debug, Error)]
pub enum Error {
    /// The Kubernetes API answered that it does not do what was asked of it: an admission policy, a
    /// webhook, a quota or a missing right stands in the way.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The Kubernetes API did not answer, or has a trouble of its own that passes.
    #[error("the Kubernetes API did not {what}: {source}")]
    Kubernetes {
        /// What was asked of it.
        what: &'static str,
        /// Its error.
        source: kube::Error,
    },
    /// The Kubernetes API did not answer in time.
    #[error("the Kubernetes API did not {what} in time")]
    Late {
        /// What was asked of it.
        what: &'static str,
    },
    /// The process stops, so the read was given up.
    #[error("the operator stops")]
    Stopping,
    /// The view of the object was stale; the next one is on its way.
    #[error("the object changed meanwhile")]
    Stale,
    /// The object is gone.
    #[error("the object is gone")]
    Gone,
    /// An older definition of the kind hides what the object may hold, and a write would lose it.
    #[error("the object is not written while an older CustomResourceDefinition hides fields of it")]
    Hidden,
    /// A decision did not come to rest: a defect of this operator.
    #[error("the decision did not come to rest within {0} steps; please report this")]
    Restless(usize),
}
