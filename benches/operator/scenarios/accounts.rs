//! Many accounts beside one with as many organizations, and one of many that is in trouble.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt, stream};
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use workmail_local::{Fault, Knobs, Rule, SeedRole, Server, Timestamp};
use workmail_operator::api::WorkMailAccount;

use super::{millis, seconds_since};
use crate::{
    load::{Goal, Watch, apply_specs},
    process::Memory,
    stage::{Contender, Stage, aws},
    table::{Row, Sample, Table},
};

const ACCOUNTS: usize = 100;
const OBJECTS: usize = 10_000;
/// The account of the operator's own key at the endpoint.
const OWN: &str = "123456789012";
const PATIENCE: Duration = Duration::from_mins(10);
/// How long the accounts may take to become Ready.
const READY: Duration = Duration::from_mins(1);
const AT_ONCE: usize = 32;

pub async fn run(stage: &Stage, table: &mut Table) {
    let objects = stage.size(OBJECTS);
    let one = Load::new("one", 1, objects).run(stage).await;
    let many = Load::new("many", ACCOUNTS, objects / ACCOUNTS);
    let many = many.run(stage).await;
    let what = format!("accounts: {ACCOUNTS} with {} each", objects / ACCOUNTS);
    for (name, measured) in [
        (format!("accounts: 1 with {objects}"), &one),
        (what.clone(), &many),
    ] {
        let row = |text, unit, value| Row::new(format!("{name}: {text}"), unit).value(value);
        table.push(row("first apply → all Active", "s", measured.wall));
        table.push(row("apply → Active, p50", "s", measured.times.median()));
        table.push(row("memory: resident", "MiB", measured.memory.resident));
    }
    let ratio = many.memory.resident / one.memory.resident;
    let row = Row::new(format!("{what}: memory, ratio to one account"), "");
    table.push(row.value(ratio).aim(1.5));
    let denied = Fault::error("AccessDeniedException", "User is not authorized.");
    for (name, fault) in [
        ("hangs", Fault::hang()),
        ("throttles", Fault::throttle()),
        ("refuses", denied),
    ] {
        let mut load = Load::new(name, ACCOUNTS, objects / ACCOUNTS);
        load.trouble = Some(fault);
        let troubled = load.run(stage).await;
        let ratio = troubled.times.median() / many.times.median();
        let row = Row::new(
            format!("{what}, one {name}: apply → Active of the others, p50, ratio to none"),
            "",
        );
        table.push(row.value(ratio).aim(1.1));
    }
}

/// Accounts with organizations that are to be made.
struct Load {
    name: &'static str,
    accounts: usize,
    each: usize,
    /// What the first account answers to every call of `WorkMail`.
    trouble: Option<Fault>,
}

struct Measured {
    /// Seconds from the first apply until all are Active that can be.
    wall: f64,
    /// Seconds from the apply of each that can be Active until it is.
    times: Sample,
    memory: Memory,
}

impl Load {
    const fn new(name: &'static str, accounts: usize, each: usize) -> Self {
        Self {
            name,
            accounts,
            each,
            trouble: None,
        }
    }

    fn account(&self, number: usize) -> String {
        format!("{}-{number:03}", self.name)
    }

    fn objects_of(&self, number: usize) -> impl Iterator<Item = (String, Value)> {
        let account = self.account(number);
        (0..self.each).map(move |object| {
            let name = format!("{account}-{object:05}");
            let spec = json!({"alias": name, "accountRef": {"name": account}});
            (name, spec)
        })
    }

    async fn run(&self, stage: &Stage) -> Measured {
        let aws = aws(Knobs::immediate()).await;
        self.create_accounts(stage, &aws).await;
        let process = stage.start(Contender::Operator, &aws, &[]).await;
        until_ready(stage, self.accounts).await;
        if let Some(fault) = &self.trouble {
            for operation in ["ListOrganizations", "CreateOrganization"] {
                aws.fault(Rule::on(operation, fault.clone()).account(id(0)));
            }
        }
        // The objects of all accounts take turns, so that none comes late because it was applied late.
        let mut all: Vec<_> = (0..self.accounts)
            .map(|number| self.objects_of(number))
            .collect();
        let mut objects = Vec::new();
        for _ in 0..self.each {
            objects.extend(all.iter_mut().filter_map(Iterator::next));
        }
        let left_out = if self.trouble.is_some() { self.each } else { 0 };
        let wanted = objects.len() - left_out;
        let watch = Watch::begin(&stage.client).await;
        let begun = Timestamp::now();
        let applied_at = apply_specs(&stage.client, objects).await;
        watch.until(Goal::Active, wanted, PATIENCE).await;
        let wall = seconds_since(begun);
        if self.trouble.is_none() {
            process.until_at_rest(&aws).await;
        }
        let times = active_after(&watch, &applied_at);
        let measured = Measured {
            wall,
            times,
            memory: process.memory(),
        };
        drop(process);
        stage.clear().await;
        let (how, all) = (DeleteParams::default(), ListParams::default());
        accounts(stage).delete_collection(&how, &all).await.unwrap();
        measured
    }

    async fn create_accounts(&self, stage: &Stage, aws: &Server) {
        for number in 0..self.accounts {
            let arn = format!("arn:aws:iam::{}:role/workmail", id(number));
            aws.seed_role(SeedRole::new(&arn).trusts(OWN)).unwrap();
        }
        let api = accounts(stage);
        stream::iter(0..self.accounts)
            .map(|number| {
                let account = serde_json::from_value(json!({
                    "metadata": {"name": self.account(number)},
                    "spec": {
                        "accountId": id(number),
                        "region": "us-east-1",
                        "assumeRole": {"arn": format!("arn:aws:iam::{}:role/workmail", id(number))},
                        "rules": [{}],
                    },
                }))
                .unwrap();
                let api = api.clone();
                async move { api.create(&PostParams::default(), &account).await }
            })
            .buffer_unordered(AT_ONCE)
            .for_each(|created| async { drop(created.unwrap()) })
            .await;
    }
}

/// Seconds from the apply of each object to Active.
fn active_after(watch: &Watch, applied_at: &HashMap<String, Timestamp>) -> Sample {
    let seen = watch.seen();
    let all = seen.active.iter();
    all.map(|(name, active)| millis(applied_at[name], *active) / 1e3)
        .collect()
}

/// The id of an account.
fn id(number: usize) -> String {
    format!("{:012}", 300_000_000_000 + number)
}

fn accounts(stage: &Stage) -> Api<WorkMailAccount> {
    Api::all(stage.client.clone())
}

/// Waits until so many accounts are Ready.
async fn until_ready(stage: &Stage, count: usize) {
    let api = accounts(stage);
    let is_ready = |account: &WorkMailAccount| {
        let status = account.status.as_ref();
        status.is_some_and(|status| status.account_id.is_some())
    };
    let ready = timeout(READY, async {
        loop {
            let all = api.list(&ListParams::default()).await.unwrap();
            if all.items.iter().filter(|one| is_ready(one)).count() == count {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    });
    ready.await.expect("every account is Ready");
}
