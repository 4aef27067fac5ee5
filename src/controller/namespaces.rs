//! The namespaces that are watched by name.

use std::future::pending;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;

use super::{Context, kubernetes::bounded};

/// Warns of each named namespace that does not exist: a watch of it is silent for ever if the name is
/// wrong. Never returns.
pub(super) async fn warn_of_absent(context: &Context) {
    let namespaces: Api<Namespace> = Api::all(context.client.clone());
    for name in &context.settings.namespaces {
        match bounded("read the namespace", namespaces.get_metadata_opt(name)).await {
            Ok(Some(_)) => {}
            Ok(None) => tracing::warn!(
                namespace = name,
                "a namespace of --watch-namespaces does not exist: create it, or correct the name"
            ),
            // One that may not be read is told of where its resources cannot be, either.
            Err(error) => {
                tracing::debug!(namespace = name, %error, "a namespace could not be read");
            }
        }
    }
    pending::<()>().await;
}
