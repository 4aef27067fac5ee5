//! `spec.deletion.requireExport`: no organization is deleted whose mail is not exported.

use k8s_openapi::jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The organization is deleted only once each mailbox has an export that counts, in this namespace.
#[derive(Clone, Debug, Deserialize, Eq, Hash, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequireExport {
    /// Exports that began earlier do not count: the time of the cut-over, after which no mail arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub not_before: Option<Timestamp>,

    /// Exports that began longer ago do not count: `1h` to `8760h`. Default: 720h.
    #[serde(default = "max_age")]
    #[schemars(length(min = 2, max = 16))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]+(h|m|s)$') && duration(self) >= duration('1h') && duration(self) <= duration('8760h')").message("maxAge is a duration from 1h to 8760h, such as 720h"))]
    pub max_age: String,

    /// True (default): only exports count whose content was verified: those with `verification: Content`
    /// whose condition Verified is True.
    #[serde(default = "yes")]
    pub verified: bool,

    /// An export does not count if the mailbox of its user has grown by more since: a number of bytes with
    /// Ki, Mi, Gi or nothing after it, up to 1024Gi. AWS tells sizes of users alone. Default: 1Mi.
    #[serde(default = "max_growth")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]{1,4}(Ki|Mi|Gi)?$')").message("maxGrowth is a number of at most 4 digits and Ki, Mi, Gi or nothing, such as 1Mi"))]
    pub max_growth: String,

    /// Mailboxes that need no export, at most 100. They stand in `closing.json`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["mailbox"])
    )]
    pub waive: Vec<Waive>,
}

/// A mailbox that needs no export.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct Waive {
    /// The user or resource: its id, name or address, 1 to 254 characters.
    #[schemars(length(min = 1, max = 254))]
    pub mailbox: String,
    /// Why its mail need not be kept, 1 to 256 characters.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
}

fn max_age() -> String {
    "720h".to_owned()
}

fn max_growth() -> String {
    "1Mi".to_owned()
}

const fn yes() -> bool {
    true
}
