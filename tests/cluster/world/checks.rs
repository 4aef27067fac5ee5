//! Crashes, and what must hold after one: a test stops the operator where it wants and counts.

use std::{collections::BTreeMap, sync::Arc};

use devcluster::Cluster;
use k8s_openapi::api::events::v1::Event;
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use workmail_local::{
    Call, CallFilter, Config, Fault, OrganizationView, Reply, Rule, RuleId, Server, Work,
};
use workmail_operator::api::{Origin, TAG_CLUSTER, TAG_NAME, TAG_NAMESPACE, WorkMailOrganization};

use super::{
    Operator, PATIENCE, POLL, Rights, World, control_plane, create_namespace, id, is_about, page,
    status,
};

impl World {
    /// A world on a control plane of the test's own, whose operator is not started yet.
    pub async fn on(cluster: &Cluster, config: Config) -> Self {
        let aws = Server::start(config).await.unwrap();
        Self::sharing(cluster, Arc::new(aws)).await
    }

    /// A world on this control plane and this endpoint, whose operator is not started yet.
    pub async fn sharing(cluster: &Cluster, aws: Arc<Server>) -> Self {
        let client = cluster.client().unwrap();
        let namespace = create_namespace(&client).await;
        let rights = Rights::of_chart(&namespace, &[&namespace]).await;
        let kubeconfig = rights.grant(cluster).await;
        let operator = Operator::new(&kubeconfig, &aws.url(), &namespace);
        Self {
            client,
            namespace,
            aws,
            operator,
        }
    }

    /// Has the operator run with these rights, from its next start on.
    pub async fn with_rights(&mut self, rights: &Rights) {
        let kubeconfig = rights.grant(control_plane().await).await;
        self.operator.set("KUBECONFIG", kubeconfig.to_str());
    }

    /// Has the next call of an operation held, before or after its work.
    pub fn hold(&self, operation: &str, work: Work) -> RuleId {
        self.aws
            .fault(Rule::on(operation, Fault::Hang { work }).times(1))
    }

    /// Waits until a call of this operation is held.
    pub async fn until_held(&self, operation: &str) -> Call {
        self.poll(&format!("{operation} is held"), async || {
            self.calls(operation)
                .into_iter()
                .find(|call| call.reply == Reply::Held)
        })
        .await
    }

    /// Kills the operator, and waits until the endpoint has noticed. Nothing goes wrong any more
    /// from then on; a call that was held before its work is never done.
    pub async fn kill(&mut self) {
        self.operator.kill();
        self.poll("no call is in flight", async || {
            self.aws
                .calls(&CallFilter::any().in_flight())
                .is_empty()
                .then_some(())
        })
        .await;
        self.aws.clear_faults();
    }

    /// Waits until the organization is in this state in AWS.
    pub async fn until_aws(&self, id: &str, state: &str) -> OrganizationView {
        self.poll(&format!("{id} is {state} in AWS"), async || {
            self.aws
                .organization(id)
                .filter(|organization| organization.state == state)
        })
        .await
    }

    /// Waits until the operator has finished so many reconciles with this result.
    pub async fn until_reconciled(&self, result: &str, count: u64) {
        let wanted = format!("result=\"{result}\"");
        self.poll(&format!("{count} reconciles {result}"), async || {
            let (_, metrics) = self.operator.addresses().await;
            let (_, metrics) = page(metrics, "/metrics").await?;
            let line = metrics.lines().find(|line| {
                line.starts_with("workmail_operator_reconciles_total{") && line.contains(&wanted)
            })?;
            let seen: u64 = line.rsplit(' ').next()?.parse().ok()?;
            (seen >= count).then_some(())
        })
        .await;
    }

    /// Waits until the list was read so many more times.
    pub async fn until_listed(&self, times: usize) {
        let more = CallFilter::on("ListOrganizations")
            .after(self.aws.last_call())
            .completed();
        self.until_calls(&more, times).await;
    }

    /// Waits for an event about the object whose note has this text.
    pub async fn until_told(&self, name: &str, reason: &str, text: &str) -> Event {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        self.poll(
            &format!("event {reason} of {name} with {text}"),
            async || {
                let all = events.list(&ListParams::default()).await.unwrap();
                all.into_iter().find(|event| {
                    is_about(event, name)
                        && event.reason.as_deref() == Some(reason)
                        && event
                            .note
                            .as_deref()
                            .is_some_and(|note| note.contains(text))
                })
            },
        )
        .await
    }

    /// The calls of an operation that changed something.
    pub fn effects(&self, operation: &str) -> Vec<Call> {
        self.aws.calls(&CallFilter::on(operation).with_effect())
    }

    /// The operations called after this call, in order.
    pub fn called_after(&self, sequence: u64) -> Vec<String> {
        self.aws
            .calls(&CallFilter::any().after(sequence))
            .into_iter()
            .map(|call| call.operation)
            .collect()
    }

    /// How often each operation was called after this call.
    pub fn counts_after(&self, sequence: u64) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for operation in self.called_after(sequence) {
            *counts.entry(operation).or_default() += 1;
        }
        counts
    }

    /// Polls until there is a value.
    pub async fn poll<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let found = timeout(PATIENCE, async {
            loop {
                if let Some(value) = look().await {
                    return value;
                }
                sleep(POLL).await;
            }
        });
        match found.await {
            Ok(value) => value,
            Err(late) => panic!(
                "did not come to be: {what} ({late})\ncalls: {:#?}\noperator:\n{}",
                self.aws
                    .journal()
                    .iter()
                    .map(|call| format!("{} {:?} {:?}", call.operation, call.outcome, call.reply))
                    .collect::<Vec<_>>(),
                self.operator.log_tail()
            ),
        }
    }

    /// Asserts the whole promise of creation: one organization in AWS, made by one call, every repeat
    /// of which was the same call; and it is this object's, by status and by tags.
    pub fn assert_created_once(&self, object: &WorkMailOrganization) {
        let organizations = self.aws.organizations();
        assert_eq!(organizations.len(), 1, "{organizations:#?}");
        let organization = &organizations[0];
        assert_eq!(organization.id, id(object));
        assert_eq!(
            self.effects("CreateOrganization").len(),
            1,
            "one effect: {:#?}",
            self.calls("CreateOrganization")
        );
        let uid = object.uid().unwrap();
        let inputs: Vec<Value> = self
            .calls("CreateOrganization")
            .into_iter()
            .map(|call| call.request)
            .collect();
        assert_eq!(inputs[0]["ClientToken"], *uid);
        assert!(
            inputs.iter().all(|input| *input == inputs[0]),
            "a repeat is the same call: {inputs:#?}"
        );
        let status = status(object);
        assert_eq!(status.origin, Some(Origin::Created));
        assert_eq!(status.pending, None);
        self.assert_tagged(organization, object);
        assert!(self.calls("DeleteOrganization").is_empty());
    }

    /// Asserts that the organization bears the object's ownership tags and its user's.
    pub fn assert_tagged(&self, organization: &OrganizationView, object: &WorkMailOrganization) {
        let tag = |key: &str| organization.tags.get(key).cloned();
        assert!(tag(TAG_CLUSTER).is_some());
        assert_eq!(tag(TAG_NAMESPACE).as_ref(), Some(&self.namespace));
        assert_eq!(tag(TAG_NAME), Some(object.name_any()));
        for (key, value) in &object.spec.tags {
            assert_eq!(organization.tags.get(key), Some(value), "{key}");
        }
    }
}
