//! The status of each account: whether AWS accepts its credentials, whose they are, and how many objects
//! use it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::super::{Context, run::Watched};
use crate::{
    api::{
        Class, ConditionStatus, ConditionType, FIELD_MANAGER, Reason, WorkMailAccount,
        WorkMailAccountStatus,
    },
    aws::Identity,
    logic::{
        AccountId,
        account::{Account, Known},
    },
};

/// How often is counted who uses which account.
const COUNT: Duration = Duration::from_secs(5);
/// How often the credentials of an account that is Ready are looked at: they are renewed in between.
const READY: Duration = Duration::from_mins(1);
/// How often those of one that is not are.
const NOT_READY: Duration = Duration::from_secs(15);
/// No call to the Kubernetes API is waited for longer.
const DEADLINE: Duration = Duration::from_secs(10);

/// How many objects use each account.
type Counts = BTreeMap<String, i64>;

/// One account that is looked after.
struct Attended {
    account: Arc<Account>,
    task: JoinHandle<()>,
}

impl Drop for Attended {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps the status of every account of this release. Each is looked after by a task of its own, so that
/// one that hangs keeps no other waiting. Never returns.
pub(super) async fn run(context: Arc<Context>, watched: &[Watched]) {
    let counts = watch::Sender::new(Counts::new());
    let mut accounts = context.accounts.subscribe();
    let mut attended: HashMap<String, Attended> = HashMap::new();
    loop {
        let listed = {
            let all = accounts.borrow_and_update();
            match &all.known {
                Known::Listed(listed) => Some((listed.clone(), all.release.clone())),
                Known::Unread | Known::Outdated(_) => None,
            }
        };
        if let Some((listed, release)) = listed {
            let is_ours =
                |account: &Account| account.release.as_ref().is_none_or(|one| *one == release);
            attended.retain(|name, one| listed.get(name) == Some(&one.account));
            for (name, account) in listed {
                if is_ours(&account) {
                    attended.entry(name).or_insert_with(|| {
                        let work = attend(context.clone(), account.clone(), counts.subscribe());
                        let task = tokio::spawn(work);
                        Attended { account, task }
                    });
                }
            }
        }
        tokio::select! {
            // The sender lives as long as the context.
            _ = accounts.changed() => {}
            () = sleep(COUNT), if !attended.is_empty() => {
                let now = count(watched);
                counts.send_if_modified(|known| {
                    let has_changed = *known != now;
                    *known = now;
                    has_changed
                });
            }
        }
    }
}

fn count(watched: &[Watched]) -> Counts {
    let mut counts = Counts::new();
    for object in watched.iter().flat_map(Watched::objects) {
        let used = object
            .status
            .as_ref()
            .and_then(|status| status.account.clone());
        if let Some(account) = used {
            *counts.entry(account).or_default() += 1;
        }
    }
    counts
}

/// Looks after one account until it changes.
async fn attend(context: Arc<Context>, account: Arc<Account>, mut counts: watch::Receiver<Counts>) {
    // Kept as long as the account is there: the objects share it.
    let identity = context
        .aws
        .identity(account.role.as_ref(), account.region.as_ref());
    let mut counted = Counted::new(&context);
    loop {
        let found = look(&context, &account, &identity).await;
        counted.is(found.ready);
        let organizations = counts.borrow_and_update().get(&account.name).copied();
        let organizations = organizations.unwrap_or_default();
        if let Err(error) = write(&context, &account.name, &found, organizations).await {
            tracing::warn!(account = account.name, %error, "the status of a WorkMailAccount was not written; it is tried again");
        }
        let pause = if found.ready { READY } else { NOT_READY };
        let other_count = counts.wait_for(|counts| {
            counts.get(&account.name).copied().unwrap_or_default() != organizations
        });
        tokio::select! {
            () = sleep(pause) => {}
            _ = other_count => {}
        }
    }
}

/// What AWS says of the credentials of an account.
struct Found {
    account: Option<AccountId>,
    ready: bool,
    reason: Reason,
    message: String,
}

async fn look(context: &Context, account: &Account, identity: &Arc<Identity>) -> Found {
    match identity.session(false).await {
        Ok(session) => {
            let found = session.account().clone();
            let expected = account.expected.as_ref().filter(|one| **one != found);
            context.registry.learn(Some(&account.name), &found);
            let (ready, reason, message) = match expected {
                None => (
                    true,
                    Reason::Active,
                    format!("AWS accepts the credentials; they are of account {found}."),
                ),
                Some(expected) => (
                    false,
                    Reason::AccountMismatch,
                    format!(
                        "Correct spec.accountId ({expected}), or the credentials: they are of account \
                         {found}. Nothing is done with them."
                    ),
                ),
            };
            Found {
                account: Some(found),
                ready,
                reason,
                message,
            }
        }
        Err(error) => {
            let failure = error.failure(None, std::slice::from_ref(&account.name));
            Found {
                account: None,
                ready: false,
                reason: failure.reason,
                message: failure.message(),
            }
        }
    }
}

/// Writes the status if it says anything else than before.
async fn write(
    context: &Context,
    name: &str,
    found: &Found,
    organizations: i64,
) -> Result<(), String> {
    if *context.stopping.borrow() {
        return Ok(());
    }
    let api: Api<WorkMailAccount> = Api::all(context.client.clone());
    let late = |_| "the Kubernetes API did not answer in time".to_owned();
    let object = timeout(DEADLINE, api.get_opt(name)).await.map_err(late)?;
    let Some(object) = object.map_err(|error| error.to_string())? else {
        return Ok(());
    };
    let before = object.status.clone().unwrap_or_default();
    let generation = object.metadata.generation.unwrap_or_default();
    let after = status(&before, found, organizations, generation, Timestamp::now());
    if after == before {
        return Ok(());
    }
    let patch = json!({
        "apiVersion": "workmail-operator.dev/v1alpha1",
        "kind": "WorkMailAccount",
        "metadata": {"name": object.name_any(), "uid": object.uid()},
        "status": after,
    });
    let ours = PatchParams::apply(FIELD_MANAGER).force();
    let patch = Patch::Apply(&patch);
    let written = timeout(DEADLINE, api.patch_status(name, &ours, &patch));
    let written = written.await.map_err(late)?;
    written.map(|_| ()).map_err(|error| error.to_string())
}

fn status(
    before: &WorkMailAccountStatus,
    found: &Found,
    organizations: i64,
    generation: i64,
    now: Timestamp,
) -> WorkMailAccountStatus {
    let told = (found.reason, found.message.as_str());
    let condition = |kind, status| before.condition(kind, status, told, generation, now);
    let beside = match found.reason.class() {
        _ if found.ready => None,
        Class::Terminal => Some(ConditionType::Stalled),
        Class::Recoverable | Class::Transient | Class::InProgress | Class::Good => {
            Some(ConditionType::Reconciling)
        }
    };
    let ready = if found.ready {
        ConditionStatus::True
    } else {
        ConditionStatus::False
    };
    let mut conditions = vec![condition(ConditionType::Ready, ready)];
    conditions.extend(beside.map(|kind| condition(kind, ConditionStatus::True)));
    WorkMailAccountStatus {
        observed_generation: Some(generation),
        // Whose they were when AWS last said so.
        account_id: found
            .account
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| before.account_id.clone()),
        organizations,
        conditions,
    }
}

/// One account in the metrics, as long as it is looked after.
struct Counted<'a> {
    context: &'a Context,
    ready: Option<bool>,
}

impl<'a> Counted<'a> {
    const fn new(context: &'a Context) -> Self {
        Self {
            context,
            ready: None,
        }
    }

    fn is(&mut self, ready: bool) {
        self.context.metrics.account(self.ready, Some(ready));
        self.ready = Some(ready);
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.context.metrics.account(self.ready, None);
    }
}
