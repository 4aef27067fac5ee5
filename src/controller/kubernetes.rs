//! Calls of the Kubernetes API, each with a deadline and classified errors; and live reads.

use std::time::Duration;

use k8s_openapi::{
    api::core::v1::Namespace,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, CustomResourceExt, Resource, ResourceExt};
use tokio::time::timeout;

use super::{Context, Error, error::Refusal};
use crate::{api::WorkMailOrganization, logic::organization::Scope};

/// No call to the Kubernetes API is waited for longer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Makes one call with a deadline. Conflicts, absence and refusals are errors of their own.
/// `what` completes the sentence "allow the operator to …".
pub(super) async fn bounded<T>(
    what: &'static str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, Error> {
    match timeout(DEADLINE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Error::Gone),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(Error::Stale),
        Ok(Err(kube::Error::Api(status))) if Refusal::is_one(&status) => {
            Err(Error::Refused(Refusal { what, status }))
        }
        Ok(Err(source)) => Err(Error::Kubernetes { what, source }),
        Err(_) => Err(Error::Late { what }),
    }
}

pub(super) fn api(context: &Context, object: &WorkMailOrganization) -> Api<WorkMailOrganization> {
    Api::namespaced(
        context.client.clone(),
        object.namespace().as_deref().unwrap_or_default(),
    )
}

/// The object as it is now.
pub(super) async fn get(
    context: &Context,
    object: &WorkMailOrganization,
) -> Result<WorkMailOrganization, Error> {
    let api = api(context, object);
    bounded("read this resource", api.get(&object.name_any())).await
}

/// Whether the object's namespace and the CRD stay, and are those it was made in, by live reads.
pub(super) async fn scope(
    context: &Context,
    object: &WorkMailOrganization,
) -> Result<Scope, Error> {
    let namespaces: Api<Namespace> = Api::all(context.client.clone());
    let namespace = object.namespace().unwrap_or_default();
    match bounded("read the namespace", namespaces.get_opt(&namespace)).await? {
        Some(namespace) if namespace.meta().deletion_timestamp.is_none() => {
            if is_younger(&namespace, object) {
                return Ok(Scope::NamespaceRemade);
            }
        }
        Some(_) | None => return Ok(Scope::NamespaceLeaves),
    }
    let definitions = Api::all(context.client.clone());
    match definition(&definitions, WorkMailOrganization::crd_name()).await? {
        Some(definition) if definition.meta().deletion_timestamp.is_none() => {
            Ok(if is_younger(&definition, object) {
                Scope::DefinitionRemade
            } else {
                Scope::Stays
            })
        }
        Some(_) | None => Ok(Scope::DefinitionLeaves),
    }
}

/// The definition of a kind, by a live read.
pub(super) async fn definition(
    definitions: &Api<CustomResourceDefinition>,
    name: &'static str,
) -> Result<Option<CustomResourceDefinition>, Error> {
    let read = definitions.get_opt(name);
    bounded("read its CustomResourceDefinition", read).await
}

/// Whether this was made after the object, so that it is not the one that the object was made under.
fn is_younger(one: &impl ResourceExt, object: &WorkMailOrganization) -> bool {
    one.creation_timestamp() > object.creation_timestamp()
}

/// Whether another object of the kind exists, by a live read. One that cannot be read does.
pub(super) async fn lives(context: &Context, namespace: &str, name: &str) -> bool {
    let api: Api<WorkMailOrganization> = Api::namespaced(context.client.clone(), namespace);
    match bounded(
        "read the owner that the tags name",
        api.get_metadata_opt(name),
    )
    .await
    {
        Ok(owner) => owner.is_some(),
        Err(error) => {
            let owner = format!("{namespace}/{name}");
            tracing::warn!(owner, %error, "the owner that the tags name cannot be read; it counts as alive");
            true
        }
    }
}
