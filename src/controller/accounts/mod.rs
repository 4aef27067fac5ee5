//! The accounts: what is known of them, whom a change concerns, and their status.
//!
//! `followed` keeps a list of objects that a watch keeps up to date; `status` asks AWS whether the
//! credentials of each account work, and writes that down.

mod followed;
mod status;

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, CustomResourceExt, ResourceExt,
    api::{ListParams, PartialObjectMeta},
    runtime::watcher,
};

use tokio::time::sleep;

use self::followed::follow;
use super::{
    Context,
    context::applicant,
    definition::{self, Kind},
    kubernetes, registry,
    run::Watched,
};
use crate::{
    api::WorkMailAccount,
    logic::{
        account::{Access, Account, Accounts, Known},
        organization::Schema,
        schedule::DEFINITION_UNREAD,
    },
};

/// Keeps what is known of the accounts and of the labels of namespaces, and the status of the accounts.
/// Never returns.
pub(super) async fn run(context: Arc<Context>, watched: &[Watched]) {
    let kind = Kind {
        name: WorkMailAccount::crd_name(),
        schema: &context.account_schema,
        watched: &[],
    };
    tokio::select! {
        () = definition::run(&context, kind) => {}
        () = accounts(&context, watched) => {}
        () = namespaces(&context, watched) => {}
        () = status::run(context.clone(), watched) => {}
    }
}

/// Keeps the list of the accounts, as long as their definition has every field that this binary knows.
async fn accounts(context: &Context, watched: &[Watched]) {
    let mut schema = context.account_schema.subscribe();
    loop {
        let known = schema.borrow_and_update().clone();
        let list = async {
            match known {
                Schema::Unread => {}
                Schema::Lacks(missing) => {
                    update(context, watched, |all| all.known = Known::Outdated(missing));
                }
                Schema::Complete => {
                    list(context, watched).await;
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = list => {}
            // The sender lives as long as the context.
            _ = schema.changed() => {}
        }
    }
}

async fn list(context: &Context, watched: &[Watched]) {
    let api: Api<WorkMailAccount> = Api::all(context.client.clone());
    let live = || async {
        let all = api.list(&ListParams::default()).await?;
        Ok(all.items)
    };
    let events = watcher(api.clone(), watcher::Config::default());
    follow("WorkMailAccounts", events, live, async |objects| {
        let known = match objects {
            None => Known::Unread,
            Some(none) if none.is_empty() => {
                update(context, watched, |all| all.known = Known::Unread);
                without_accounts(context).await
            }
            Some(objects) => {
                let parsed = objects.values().filter_map(Account::parse);
                Known::Listed(
                    parsed
                        .map(|account| (account.name.clone(), Arc::new(account)))
                        .collect(),
                )
            }
        };
        update(context, watched, |all| all.known = known);
    })
    .await;
}

/// What is known when the list shows no account. Whoever deletes the definition deletes all accounts with
/// it: that does not hand their namespaces over to the operator's own credentials.
async fn without_accounts(context: &Context) -> Known {
    let definitions = Api::all(context.client.clone());
    let name = WorkMailAccount::crd_name();
    loop {
        match kubernetes::definition(&definitions, name).await {
            Ok(Some(definition)) if definition.metadata.deletion_timestamp.is_none() => {
                return Known::Listed(BTreeMap::new());
            }
            Ok(Some(_) | None) => return Known::Outdated([name.to_owned()].into()),
            Err(error) => {
                tracing::warn!(%error, "the CustomResourceDefinition cannot be read; it is tried again");
                sleep(DEFINITION_UNREAD).await;
            }
        }
    }
}

/// Keeps the labels of all namespaces, from when a rule needs them first.
async fn namespaces(context: &Context, watched: &[Watched]) {
    let mut accounts = context.accounts.subscribe();
    // The sender lives as long as the context.
    let _ = accounts.wait_for(Accounts::need_labels).await;
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(context.client.clone());
    let live = || async {
        let all = api.list(&ListParams::default()).await?;
        Ok(all.items)
    };
    let events = watcher(api.clone(), watcher::Config::default());
    let labels = |namespace: &PartialObjectMeta<Namespace>| {
        (namespace.name_any(), namespace.labels().clone())
    };
    follow("namespaces", events, live, async |objects| {
        let known: Option<BTreeMap<_, _>> =
            objects.map(|objects| objects.values().map(labels).collect());
        update(context, watched, |all| all.namespaces = known);
    })
    .await;
}

/// Records a change, and asks for a reconcile of every object that it concerns.
fn update(context: &Context, watched: &[Watched], change: impl FnOnce(&mut Accounts)) {
    let before = context.accounts.borrow().clone();
    let mut after = before.clone();
    change(&mut after);
    if after == before {
        return;
    }
    context.accounts.send_replace(after.clone());
    // After a time in which they could not be read, only what is other than before that is news.
    let before = context.last_read_accounts(before, &after);
    for object in watched.iter().flat_map(Watched::objects) {
        let asks = applicant(&object);
        let access = after.access(asks);
        // What it was entered with may be from the time in which they could not be read.
        context.enter(&object);
        // What is refused because it cannot be read is tried again soon by those who ask.
        let is_unread = matches!(&access, Access::Refused(failure) if failure.read_failed);
        // Before reconciles may begin, each object waits for its first.
        if is_unread || before.access(asks) == access || !context.places.are_open() {
            continue;
        }
        context.trigger(registry::key(&object));
    }
}
