//! What is counted and measured. Names and labels are a contract; labels are bounded.

mod process;

use std::{
    sync::atomic::{AtomicI64, AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::logic::Operation;

const KIND: &str = "WorkMailOrganization";

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<Reconciled, Counter<u64, AtomicU64>>,
    reconcile_seconds: Histogram,
    aws_requests: Family<AwsAnswer, Counter<u64, AtomicU64>>,
    aws_seconds: Family<AwsOperation, Histogram, fn() -> Histogram>,
    organizations: Family<Standing, Gauge<i64, AtomicI64>>,
    accounts: Family<AccountStanding, Gauge<i64, AtomicI64>>,
    drift_items: Gauge<i64, AtomicI64>,
    leader: Gauge<i64, AtomicI64>,
    end_of_service: Gauge<i64, AtomicI64>,
    time_to_ready: Histogram,
    retained: Counter<u64, AtomicU64>,
    exports: Family<ExportState, Gauge<i64, AtomicI64>>,
    export_mailboxes: Family<ExportState, Gauge<i64, AtomicI64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExportState {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconciled {
    kind: &'static str,
    result: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AwsAnswer {
    operation: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AwsOperation {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccountStanding {
    ready: &'static str,
}

/// The state of an organization, as labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Standing {
    /// AWS's state, `other` for a word we do not know, `none` for no organization.
    pub state: String,
    /// True, False or Unknown.
    pub ready: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry with every metric at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut root = Registry::default();
        root.register_collector(Box::new(process::Process));
        let registry = root.sub_registry_with_prefix("workmail_operator");
        let reconciles = Family::default();
        let reconcile_seconds = Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let aws_requests = Family::default();
        let aws_seconds: Family<AwsOperation, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 15)));
        let organizations = Family::default();
        let accounts: Family<AccountStanding, Gauge<i64, AtomicI64>> = Family::default();
        let drift_items = Gauge::default();
        let leader = Gauge::default();
        let end_of_service = Gauge::default();
        let time_to_ready = Histogram::new(exponential_buckets(1.0, 2.0, 13));
        let retained = Counter::default();
        let exports = Family::default();
        let export_mailboxes = Family::default();
        registry.register(
            "reconciles",
            "Reconciles by kind and result: the reason of Ready, or error",
            reconciles.clone(),
        );
        registry.register(
            "reconcile_duration_seconds",
            "Duration of a reconcile in seconds",
            reconcile_seconds.clone(),
        );
        registry.register(
            "aws_requests",
            "AWS calls by operation and code; OK, or AWS's code, or other",
            aws_requests.clone(),
        );
        registry.register(
            "aws_request_duration_seconds",
            "Duration of an AWS call in seconds",
            aws_seconds.clone(),
        );
        registry.register(
            "organizations",
            "Resources by the state of their organization and by Ready",
            organizations.clone(),
        );
        registry.register("accounts", "WorkMailAccounts by Ready", accounts.clone());
        registry.register(
            "drift_items",
            "Differences between specs and AWS that were not corrected",
            drift_items.clone(),
        );
        registry.register(
            "leader_election_master_status",
            "1 while this process is the active one",
            leader.clone(),
        );
        registry.register(
            "end_of_service_timestamp_seconds",
            "When Amazon WorkMail ends, in seconds since the epoch",
            end_of_service.clone(),
        );
        registry.register(
            "time_to_ready_seconds",
            "From the creation of a resource to its first Ready, in seconds",
            time_to_ready.clone(),
        );
        registry.register(
            "retained",
            "Resources that went while their organization stays in AWS, or may stay",
            retained.clone(),
        );
        registry.register(
            "exports",
            "Exports of organizations by state: Running, Stalled, Suspended, Completed or Failed",
            exports.clone(),
        );
        registry.register(
            "export_mailboxes",
            "Exports of mailboxes by state",
            export_mailboxes.clone(),
        );
        Self {
            registry: root,
            reconciles,
            reconcile_seconds,
            aws_requests,
            aws_seconds,
            organizations,
            accounts,
            drift_items,
            leader,
            end_of_service,
            time_to_ready,
            retained,
            exports,
            export_mailboxes,
        }
    }

    /// Counts one AWS call.
    pub fn aws_request(&self, operation: Operation, code: &str, took: Duration) {
        let operation = operation.as_str();
        self.aws_requests
            .get_or_create(&AwsAnswer {
                operation,
                code: code.to_owned(),
            })
            .inc();
        self.aws_seconds
            .get_or_create(&AwsOperation { operation })
            .observe(took.as_secs_f64());
    }

    /// Moves one export from one state to another; each is of an `organization` or a `mailbox`.
    pub fn export_moved(
        &self,
        from: Option<(&'static str, &'static str)>,
        to: Option<(&'static str, &'static str)>,
    ) {
        if from == to {
            return;
        }
        let gauge = |(of, state): (&'static str, &'static str)| {
            let family = match of {
                "organization" => &self.exports,
                _ => &self.export_mailboxes,
            };
            family.get_or_create_owned(&ExportState { state })
        };
        if let Some(from) = from {
            gauge(from).dec();
        }
        if let Some(to) = to {
            gauge(to).inc();
        }
    }

    /// Counts one reconcile of a `WorkMailOrganization`.
    pub fn reconciled(&self, result: &str, took: Duration) {
        self.reconciled_kind(KIND, result, took);
    }

    /// Counts one reconcile.
    pub fn reconciled_kind(&self, kind: &'static str, result: &str, took: Duration) {
        self.reconciles
            .get_or_create(&Reconciled {
                kind,
                result: result.to_owned(),
            })
            .inc();
        self.reconcile_seconds.observe(took.as_secs_f64());
    }

    /// Counts one object under other labels.
    pub fn moved(&self, from: Option<&Standing>, to: Option<&Standing>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            self.organizations.get_or_create(from).dec();
        }
        if let Some(to) = to {
            self.organizations.get_or_create(to).inc();
        }
    }

    /// Moves one account from Ready or not to Ready or not.
    pub fn account(&self, from: Option<bool>, to: Option<bool>) {
        let standing = |ready| AccountStanding {
            ready: if ready { "True" } else { "False" },
        };
        if from == to {
            return;
        }
        if let Some(from) = from {
            self.accounts.get_or_create(&standing(from)).dec();
        }
        if let Some(to) = to {
            self.accounts.get_or_create(&standing(to)).inc();
        }
    }

    /// Changes the number of differences between the specs and AWS.
    pub fn drifted(&self, by: i64) {
        self.drift_items.inc_by(by);
    }

    /// An object became Ready for the first time.
    pub fn became_ready(&self, after: Duration) {
        self.time_to_ready.observe(after.as_secs_f64());
    }

    /// A resource was deleted, and its organization stays in AWS.
    pub fn retained(&self) {
        self.retained.inc();
    }

    /// Whether this process is the active one.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// When the service ends.
    pub fn service_ends(&self, at: i64) {
        self.end_of_service.set(at);
    }

    /// The metrics in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        encode(&mut text, &self.registry).map_or_else(|_| String::new(), |()| text)
    }
}
