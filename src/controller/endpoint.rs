//! The `DNSEndpoint` beside the object: the records of its domains, for external-dns to publish.
//!
//! It has no owner reference: a foreground deletion of the object would take the MX records while the
//! organization still lives. It is found by its label.

use std::fmt::Write as _;

use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Context, Error, kubernetes::bounded};
use crate::{
    api::{FIELD_MANAGER, WorkMailOrganization},
    logic::organization::{DnsEntry, Endpoint},
};

/// Which object the `DNSEndpoint` belongs to.
const LABEL: &str = "workmail-operator.dev/organization";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// A label's value has at most this many characters.
const LONGEST_LABEL: usize = 63;
/// As AWS has it in the records that it writes into Route 53 itself.
const TTL_SECONDS: u32 = 600;

/// What is kept in the `DNSEndpoint`.
#[derive(Default, Deserialize, Serialize)]
struct Spec {
    #[serde(default)]
    endpoints: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    dns_name: String,
    #[serde(default)]
    record_type: String,
    #[serde(rename = "recordTTL", default)]
    record_ttl: u32,
    #[serde(default)]
    targets: Vec<String>,
}

fn kind() -> ApiResource {
    ApiResource {
        group: "externaldns.k8s.io".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "externaldns.k8s.io/v1alpha1".to_owned(),
        kind: "DNSEndpoint".to_owned(),
        plural: "dnsendpoints".to_owned(),
    }
}

fn api(context: &Context, object: &WorkMailOrganization) -> Api<DynamicObject> {
    let namespace = object.namespace().unwrap_or_default();
    Api::namespaced_with(context.client.clone(), &namespace, &kind())
}

/// The label's value: the object's name, or as much of it as fits and a hash.
fn label(object: &WorkMailOrganization) -> String {
    let name = object.name_any();
    if name.len() <= LONGEST_LABEL {
        return name;
    }
    let start: String = name.chars().take(46).collect();
    let hash = Sha256::digest(name.as_bytes());
    let hash = hash.iter().take(8).fold(String::new(), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("{start}-{hash}")
}

/// Reads the object's `DNSEndpoint`.
pub(super) async fn read(
    context: &Context,
    object: &WorkMailOrganization,
) -> Result<Endpoint, Error> {
    let api = api(context, object);
    let ours = ListParams::default().labels(&format!("{LABEL}={}", label(object)));
    let found = match bounded("list DNSEndpoints", api.list(&ours)).await {
        Ok(found) => found,
        Err(Error::Gone) => return Ok(Endpoint::KindNotInstalled),
        Err(error) => return Err(error),
    };
    if let Some(kept) = found.items.into_iter().next() {
        return Ok(Endpoint::Kept(entries(&kept)));
    }
    let name = object.name_any();
    let named = api.get_metadata_opt(&name);
    match bounded("read the DNSEndpoint", named).await? {
        Some(_) => Ok(Endpoint::Foreign),
        None => Ok(Endpoint::Absent),
    }
}

fn entries(endpoint: &DynamicObject) -> Vec<DnsEntry> {
    let spec = endpoint.data.get("spec").cloned().unwrap_or_default();
    // An invalid value is overwritten.
    let spec: Spec = serde_json::from_value(spec).unwrap_or_default();
    spec.endpoints
        .into_iter()
        .filter(|entry| entry.record_ttl == TTL_SECONDS)
        .map(|entry| DnsEntry {
            name: entry.dns_name,
            record_type: entry.record_type,
            targets: entry.targets,
        })
        .collect()
}

/// Makes the `DNSEndpoint` hold these entries; without any, it is removed.
pub(super) async fn keep(
    context: &Context,
    object: &WorkMailOrganization,
    entries: &[DnsEntry],
) -> Result<(), Error> {
    let api = api(context, object);
    let name = object.name_any();
    if entries.is_empty() {
        let removed = bounded(
            "delete the DNSEndpoint",
            api.delete(&name, &DeleteParams::default()),
        )
        .await;
        return match removed {
            Ok(_) | Err(Error::Gone) => Ok(()),
            Err(error) => Err(error),
        };
    }
    let spec = Spec {
        endpoints: entries
            .iter()
            .map(|entry| Entry {
                dns_name: entry.name.clone(),
                record_type: entry.record_type.clone(),
                record_ttl: TTL_SECONDS,
                targets: entry.targets.clone(),
            })
            .collect(),
    };
    let whole = json!({
        "apiVersion": kind().api_version,
        "kind": kind().kind,
        "metadata": {
            "name": name,
            "labels": {LABEL: label(object), MANAGED_BY: FIELD_MANAGER},
        },
        "spec": spec,
    });
    let ours = PatchParams::apply(FIELD_MANAGER).force();
    let whole = Patch::Apply(&whole);
    let written = bounded("write the DNSEndpoint", api.patch(&name, &ours, &whole));
    match written.await {
        Ok(_) => Ok(()),
        // The kind went meanwhile; the object did not.
        Err(Error::Gone) => Err(Error::Stale),
        Err(error) => Err(error),
    }
}
