//! The mail of the organization, its exports, and the laws about them.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use workmail_operator::{
    api::{Destination, ExportState},
    logic::{
        ErrorKind, Failure, Operation,
        export::{Entity, EntityKind, EntityState},
        gate::{self, Check, Checked, Export, Found},
        organization::{Answer, DeleteInput},
    },
};

use super::{Fault, World, driver::Running, server::Object};

/// The users, and the mailbox exports of the organization.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    pub(crate) users: Vec<Entity>,
    pub(crate) exports: Vec<Export>,
    pub(crate) going_on: Vec<String>,
    /// Bytes that came to a mailbox since its export.
    pub(crate) grown: BTreeMap<String, u64>,
    /// Exports whose object is not there, by UID.
    pub(crate) lost: Vec<String>,
    /// When each export was last asked for, and found right, by UID.
    pub(crate) asked: BTreeMap<String, Timestamp>,
    /// How often an export was asked for.
    pub(crate) asks: u32,
    /// `closing.json` is there.
    pub(crate) is_closed: bool,
}

impl Mail {
    /// An organization with these users, each of them exported a while ago.
    pub(crate) fn exported(names: &[&str], now: Timestamp) -> Self {
        Self {
            users: names.iter().map(|name| user(name)).collect(),
            exports: names.iter().map(|name| export(name, now)).collect(),
            ..Self::default()
        }
    }
}

pub(crate) fn user(name: &str) -> Entity {
    Entity {
        id: name.to_owned(),
        kind: EntityKind::User,
        name: name.to_owned(),
        email: Some(format!("{name}@acme.example")),
        display_name: None,
        state: EntityState::Enabled,
        disabled_at: None,
        bytes: None,
    }
}

pub(crate) fn export(of: &str, now: Timestamp) -> Export {
    Export {
        name: format!("export-{of}"),
        uid: format!("uid-{of}"),
        controller: None,
        mailbox: of.to_owned(),
        entity: Some(of.to_owned()),
        email: None,
        state: Some(ExportState::Completed),
        job: Some(format!("job-{of}")),
        started_at: Some(now - SignedDuration::from_hours(1)),
        is_verified: true,
        is_leaving: false,
        bytes: Some(1000),
        destination: destination(),
        object: Some(gate::Object {
            key: format!("mail/{of}.zip"),
            version: None,
            e_tag: None,
            bytes: None,
        }),
    }
}

fn destination() -> Destination {
    let json = serde_json::json!({
        "bucket": "archive", "prefix": "mail", "roleArn": "role", "kmsKeyArn": "key",
    });
    serde_json::from_value(json).unwrap()
}

impl World {
    /// The exports, and the mailboxes where they are asked for. What is not fresh is as it was when the
    /// listing was last read.
    pub(super) fn gate(&mut self, running: &mut Running, mailboxes: bool, fresh: bool) -> Answer {
        let mail = if fresh { &self.mail } else { &self.mail_before };
        let reading = gate::Reading {
            at: self.now,
            exports: mail.exports.clone(),
            going_on: mail.going_on.clone(),
            mailboxes: mailboxes.then(|| mail.users.clone()),
            is_fresh: fresh,
        };
        running.seen.mail = fresh.then(|| (running.steps, self.now, self.mail.clone()));
        Answer::Gate(Arc::new(reading))
    }

    /// One export is checked in each step.
    pub(super) fn check_exports(&mut self, uid: &str, checks: &[Check], fault: &Fault) -> Answer {
        let now = self.now;
        let mut found = self.known(uid).checks.clone();
        found.retain(|_, checked| checked.lasts(now));
        if let Some(trouble) = fault.trouble() {
            let failure = Failure::of_call(Operation::HeadObject, &trouble, None);
            return Answer::Checks {
                found,
                failure: Some(failure),
            };
        }
        let next = checks.iter().find(|check| !found.contains_key(&check.id));
        if let Some(check) = next {
            let uid = check.export.uid.clone();
            let mailbox = check.export.mailbox.as_str();
            let grown = self.mail.grown.get(mailbox).copied().unwrap_or_default();
            let is_lost = self.mail.lost.contains(&uid);
            let seen = if is_lost {
                Found::Missing
            } else {
                let bytes = check.export.bytes.map(|bytes| bytes + grown);
                Found::AsItWas {
                    bytes: check.user.as_ref().and(bytes),
                }
            };
            self.mail.asks += 1;
            if !is_lost && grown <= 1024 * 1024 {
                self.mail.asked.insert(uid, now);
            }
            found.insert(
                check.id.clone(),
                Checked {
                    at: now,
                    found: seen,
                },
            );
        }
        self.known(uid).checks.clone_from(&found);
        Answer::Checks {
            found,
            failure: None,
        }
    }

    pub(super) fn write_closing(&mut self, fault: &Fault) -> Answer {
        if let Some(trouble) = fault.trouble() {
            let failure = Failure::of_call(Operation::PutObject, &trouble, None);
            return Answer::of_error(&trouble, failure);
        }
        self.mail.is_closed = true;
        if let Fault::Lost = fault {
            let trouble = ErrorKind::TimedOut;
            let failure = Failure::of_call(Operation::PutObject, &trouble, None);
            return Answer::of_error(&trouble, failure);
        }
        Answer::ClosingWritten
    }

    /// What was so when the exports and the mailboxes were last read, right before the call.
    pub(super) fn watch_mail(&mut self, running: &Running, object: &Object, input: &DeleteInput) {
        let Some((step, now, mail)) = running.seen.mail.clone() else {
            return self.broken("exports are read before a deletion", format!("{input:?}"));
        };
        self.check(
            running.steps <= step + 2,
            "exports are read right before a deletion",
            || format!("{step} and {}", running.steps),
        );
        let runs = |one: &&Export| {
            matches!(
                one.state,
                None | Some(ExportState::Queued | ExportState::Running)
            )
        };
        let running_one = mail.exports.iter().find(runs).cloned();
        self.check(
            running_one.is_none() && mail.going_on.is_empty(),
            "nothing is deleted while an export runs",
            || format!("{running_one:?}"),
        );
        let deletion = object.spec.deletion.clone().unwrap_or_default();
        let Some(rule) = deletion.require_export else {
            return;
        };
        let counts = |user: &&Entity| match user.state {
            EntityState::Enabled => true,
            EntityState::Disabled => user
                .disabled_at
                .is_some_and(|at| now.duration_since(at) < SignedDuration::from_hours(24 * 30)),
            EntityState::Deleted => false,
        };
        let of_users = mail.users.iter().filter(counts).map(|user| user.id.clone());
        let named = mail
            .exports
            .iter()
            .filter(|one| one.state != Some(ExportState::Gone));
        let mut counted: Vec<String> = of_users
            .chain(named.map(|one| one.mailbox.clone()))
            .collect();
        counted.retain(|one| !rule.waive.iter().any(|waived| waived.mailbox == *one));
        let proves = |id: &str, export: &Export| {
            export.mailbox == id
                && export.state == Some(ExportState::Completed)
                && (export.is_verified || !rule.verified)
                && export
                    .started_at
                    .is_some_and(|at| now.duration_since(at) < SignedDuration::from_hours(721))
                && self
                    .mail
                    .asked
                    .get(&export.uid)
                    .is_some_and(|at| now.duration_since(*at) <= SignedDuration::from_mins(62))
        };
        let missing = counted
            .iter()
            .find(|id| !mail.exports.iter().any(|export| proves(id, export)))
            .cloned();
        self.check(
            missing.is_none(),
            "nothing is deleted while a mailbox that counts is missing",
            || format!("{missing:?} of {mail:#?}"),
        );
        let is_empty = mail.users.iter().all(|user| !counts(&user)) && mail.exports.is_empty();
        self.check(!is_empty, "an empty directory proves nothing", || {
            String::from("deleted")
        });
        let is_closed = self.mail.is_closed || mail.exports.is_empty();
        self.check(is_closed, "closing.json is there before a deletion", || {
            format!("{input:?}")
        });
    }
}
