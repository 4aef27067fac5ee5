//! What ends a reconcile without an outcome. AWS trouble is not among it: that is an outcome.

use thiserror::Error;

/// A reconcile that could not come to an outcome.
#[derive(Debug, Error)]
pub enum Error {
    /// The Kubernetes API refused or did not answer.
    #[error("the Kubernetes API did not take {what}: {source}")]
    Kubernetes {
        /// What was asked of it.
        what: &'static str,
        /// Its error.
        source: kube::Error,
    },
    /// The Kubernetes API did not answer in time.
    #[error("the Kubernetes API did not answer in time to {what}")]
    Late {
        /// What was asked of it.
        what: &'static str,
    },
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
