//! What users and tools read: events, conditions as kstatus takes them, probes, log lines.

use std::net::SocketAddr;

use k8s_openapi::{api::events::v1::Event, jiff::Timestamp};
use kube::{Api, api::ListParams};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use workmail_operator::api::{Class, ConditionStatus, ConditionType, Reason, WorkMailOrganization};

use super::{Operator, World, condition, is_about, ready, status};

impl World {
    /// Waits until the object is Ready for the generation that it has.
    pub async fn until_settled(&self, name: &str) -> WorkMailOrganization {
        self.until(name, "Ready for its own generation", |object| {
            status(object).observed_generation == object.metadata.generation
                && ready(object).is_some_and(|ready| ready.status == ConditionStatus::True)
        })
        .await
    }

    /// The Warnings about an object so far, in order.
    pub async fn warnings(&self, name: &str) -> Vec<Event> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut warnings = events.list(&ListParams::default()).await.unwrap().items;
        warnings.retain(|event| is_about(event, name) && event.type_.as_deref() == Some("Warning"));
        warnings.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
        warnings
    }

    /// Asserts that this Warning about the object was given once, and no other.
    pub async fn assert_warned_once(&self, name: &str, reason: Reason) {
        // It is sent after the status is written.
        self.until_event(name, reason.as_str()).await;
        let warnings = self.warnings(name).await;
        let reasons: Vec<_> = warnings
            .iter()
            .filter_map(|event| event.reason.as_deref())
            .collect();
        assert_eq!(reasons, [reason.as_str()], "{warnings:#?}");
    }

    /// Asserts that nothing was changed in AWS, nor was it tried.
    pub fn assert_left_alone(&self) {
        assert_eq!(self.mutating_calls(), [""; 0]);
    }

    /// Asserts that one organization was made for the object, whatever was refused before.
    pub fn assert_created_once_in_the_end(&self, object: &WorkMailOrganization) {
        let effects = self.effects("CreateOrganization");
        assert_eq!(effects.len(), 1, "{effects:#?}");
        assert_eq!(effects[0].organization_id, status(object).organization_id);
        let mut organizations = self.aws.organizations();
        organizations.retain(|one| one.alias == object.spec.alias);
        assert_eq!(organizations.len(), 1, "{organizations:#?}");
        self.assert_tagged(&organizations[0], object);
    }

    /// All metrics, as they are served.
    pub async fn metrics(&self) -> String {
        let (_, metrics) = self.operator.addresses().await;
        let (code, text) = page(metrics, "/metrics").await.unwrap_or_default();
        assert_eq!(code, 200, "{text}");
        text
    }

    /// The value of a metric that counts, by its name and labels as they stand in the text; 0 if it is
    /// not there.
    pub async fn metric(&self, series: &str) -> u64 {
        let text = self.metrics().await;
        let mut values = text
            .lines()
            .filter_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        values.next().unwrap_or_default()
    }
}

/// Asserts that the conditions of an object that is not Ready tell one story, as kstatus reads it:
/// Stalled if nothing will change by itself, else Reconciling, each for the object's generation.
pub fn assert_not_ready(object: &WorkMailOrganization, reason: Reason, says: &[&str]) {
    let generation = object.metadata.generation.unwrap();
    assert_eq!(status(object).observed_generation, Some(generation));
    let (is, is_not) = if reason.class() == Class::Terminal {
        (ConditionType::Stalled, ConditionType::Reconciling)
    } else {
        (ConditionType::Reconciling, ConditionType::Stalled)
    };
    assert_eq!(condition(object, is_not), None, "{is_not:?} is not there");
    let synced = condition(object, ConditionType::Synced).unwrap();
    assert_ne!(synced.status, ConditionStatus::True);
    let ready = ready(object).unwrap();
    assert_eq!(ready.status, ConditionStatus::False);
    for text in says {
        let message = &ready.message;
        assert!(message.contains(text), "{text:?} in {message:?}");
    }
    let beside = condition(object, is).unwrap();
    assert_eq!(beside.status, ConditionStatus::True);
    for told in [&ready, &beside] {
        assert_eq!(told.reason, reason.as_str());
        assert_eq!(told.observed_generation, generation);
        assert!(told.last_transition_time <= Timestamp::now());
    }
    assert_told_once(object);
}

/// Asserts that no message stands in two conditions, and that those beside Ready are short.
pub fn assert_told_once(object: &WorkMailOrganization) {
    let conditions = status(object).conditions;
    for (at, one) in conditions.iter().enumerate() {
        let message = &one.message;
        let twice = conditions[at + 1..]
            .iter()
            .find(|other| other.message == *message);
        assert_eq!(twice, None, "{message}");
        // The address of a page is as long as it is.
        let words = message.split("https://").next().unwrap_or_default();
        let is_short = words.chars().count() <= 160 || one.r#type == "Ready";
        assert!(is_short, "{message}");
    }
}

impl Operator {
    /// Waits until the process listens, and gives its latest addresses: of the probes, of the
    /// metrics.
    pub async fn addresses(&self) -> (SocketAddr, SocketAddr) {
        let line = self.until_said("listening").await;
        let address = |field: &str| line[field].as_str().unwrap().parse().unwrap();
        (address("probes"), address("metrics"))
    }

    /// The lines of its log with this message.
    pub fn logged(&self, message: &str) -> Vec<Value> {
        let mut lines = self.log();
        lines.retain(|line| line["message"] == message);
        lines
    }
}

/// Gets a page over HTTP: its status and its body. `None` while nobody answers.
pub async fn page(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let code = head.split(' ').nth(1)?.parse().ok()?;
    Some((code, body.to_owned()))
}
