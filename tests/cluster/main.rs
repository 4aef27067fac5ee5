//! The operator as its users run it: the real binary, a real etcd and kube-apiserver, and the wire
//! protocol of Amazon WorkMail.
//!
//! Each test has a namespace, a WorkMail endpoint and an operator of its own; they share one control
//! plane and run in parallel.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with a message"
)]

mod absence;
mod accepted;
mod accounts;
mod admission;
mod adoption;
mod adoption_conflicts;
mod adoption_trouble;
mod blocked;
mod changes;
mod conditions;
mod confined;
mod crash;
mod create;
mod credentials;
mod credentials_renewal;
mod default_domain;
mod deletion;
mod dns_endpoint;
mod domain_trouble;
mod domain_verification;
mod domains;
mod drifting;
mod exports;
mod found_again;
mod gitops;
mod gitops_policy;
mod guide;
mod guide_upgrade;
mod handover;
mod iam;
mod identities;
mod inputs;
mod interrupted;
mod kubernetes_refusals;
mod largest;
mod leadership;
mod metadata;
mod namespaces;
mod observing;
mod outdated;
mod ownership;
mod pacing;
mod presentation;
mod privileges;
mod refusals;
mod retention;
mod scale;
mod schema;
mod schema_domains;
mod service_end;
mod silence;
mod states;
mod steady;
mod suspend;
mod switching;
mod tags;
mod telemetry;
mod trouble;
mod two_clusters;
mod upgrading;
#[path = "../verdicts/mod.rs"]
mod verdicts;
mod waking;
mod world;
mod zones;
