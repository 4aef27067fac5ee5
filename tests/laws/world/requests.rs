//! The hands of the driver in AWS: looks and calls, with their faults.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use workmail_operator::logic::{
    AccountId, ErrorKind, Failure, Operation, Region,
    organization::{Answer, Call, Listing, Presence, Read, Reading, Summary, Tags},
};

use super::{Fault, World, driver::Running};

const APART: SignedDuration = SignedDuration::from_secs(30);
const RESYNC: SignedDuration = SignedDuration::from_mins(5);

impl World {
    pub(super) fn look(&mut self, running: &mut Running, look: &Read, fault: &Fault) -> Answer {
        let operation = match look {
            Read::Account => Operation::GetCallerIdentity,
            Read::Listing { .. } => Operation::ListOrganizations,
            Read::Organization(_) => Operation::DescribeOrganization,
            Read::Domains { .. } => Operation::ListMailDomains,
            Read::Addresses { .. } | Read::Gate { .. } => Operation::ListUsers,
            Read::Checks { .. } => Operation::HeadObject,
            Read::Tags(_) | Read::Scope | Read::Object | Read::Owner { .. } | Read::Endpoint => {
                Operation::ListTagsForResource
            }
        };
        let trouble = fault
            .trouble()
            .or(self.aws_is_down.then_some(ErrorKind::Unreachable));
        match (look, trouble) {
            // As the operator's client reads this refusal: the tags are hidden.
            (Read::Tags(_), Some(ErrorKind::Refused { code, .. }))
                if code == "OrganizationStateException" =>
            {
                running.seen.tags_hidden = true;
                return Answer::Tags(Tags::Hidden);
            }
            // Checks tell what they have found until then.
            (look, Some(trouble)) if !matches!(look, Read::Checks { .. }) => {
                return answer(operation, &trouble);
            }
            (_, _) => {}
        }
        let account = running.account.unwrap_or(self.account);
        match look {
            Read::Gate {
                mailboxes, fresh, ..
            } => self.gate(running, *mailboxes, *fresh),
            Read::Checks { checks, skip, .. } => {
                self.check_exports(&running.uid, &checks[*skip..], fault)
            }
            Read::Listing { fresh } => {
                let listing = self.listing(running, account, *fresh);
                running.seen.listing = Some(listing.clone());
                Answer::Listing(listing)
            }
            Read::Organization(id) => {
                let found = self.aws.describe(id.as_str(), account, self.now);
                running.seen.described = Some(id.to_string());
                Answer::Organization(found.map_or(Reading::Absent, Reading::Seen))
            }
            Read::Tags(id) => match self.aws.tags(id.as_str(), account) {
                Ok(tags) => {
                    running.seen.see_tags(id.as_str(), &tags);
                    if let Tags::Shown(_) = tags {
                        self.note_tags(running, id);
                    }
                    Answer::Tags(tags)
                }
                Err(trouble) => answer(operation, &trouble),
            },
            Read::Addresses { id, domain } => match self.aws.holder_in(id, account, domain) {
                Ok(holder) => {
                    running.seen.see_addresses(domain, holder.as_deref());
                    let domain = domain.clone();
                    Answer::Addresses { domain, holder }
                }
                Err(trouble) => answer(operation, &trouble),
            },
            Read::Domains { id, list, details } => {
                match self.aws.see_domains(id, account, *list, details) {
                    Ok(sight) => {
                        running.seen.see_domains(&sight);
                        Answer::Domains(sight)
                    }
                    Err(trouble) => answer(operation, &trouble),
                }
            }
            Read::Account | Read::Scope | Read::Object | Read::Owner { .. } | Read::Endpoint => {
                running.account = Some(account);
                Answer::Account(AccountId::from(account))
            }
        }
    }

    fn listing(&mut self, running: &Running, account: &'static str, fresh: bool) -> Listing {
        let usable = |(begun, of, _): &(Timestamp, &str, Vec<Summary>)| {
            !fresh && *of == account && self.now.duration_since(*begun) <= RESYNC
        };
        if !self.process.snapshot.as_ref().is_some_and(usable) {
            self.observe(account);
        }
        let (begun, _, rows) = self.process.snapshot.clone().unwrap();
        let view = &running.view();
        let by_id = view
            .wanted_id()
            .map(|id| rows.iter().find(|row| row.id == *id).cloned());
        let alias = &view.desired.alias;
        let mut deleted = rows.iter().filter(|row| row.state.as_str() == "Deleted");
        let deleted = deleted.find(|row| row.alias == *alias);
        let deleted = deleted.map(|row| row.id.clone());
        let by_alias = rows
            .into_iter()
            .find(|row| row.alias == view.desired.alias && row.state.as_str() != "Deleted");
        let now = self.now;
        let known = self.known(&running.uid);
        if view.memory.deletion_accepted.is_some() {
            let after = *known.accepted.get_or_insert(now);
            let stays = by_id.iter().flatten().any(|row| !row.state.leaves());
            if begun >= after {
                known.still_there = stays.then(|| known.still_there.unwrap_or(begun));
            }
        }
        let still_there = known.still_there;
        Listing {
            deletion_failed: still_there.is_some_and(|since| begun.duration_since(since) >= APART),
            by_id: by_id.map(|row| presence(&mut known.id_missing, row, begun)),
            by_alias: presence(&mut known.alias_missing, by_alias, begun),
            deleted,
            fresh: begun == self.now,
        }
    }

    /// The observer lists everything.
    pub(crate) fn observe(&mut self, account: &'static str) {
        let rows = self.aws.list(account, self.now);
        self.process.snapshot = Some((self.now, account, rows));
        self.mail_before = self.mail.clone();
    }

    pub(super) fn call(&mut self, running: &mut Running, call: &Call, fault: &Fault) -> Answer {
        // Only listings begun after the intent count.
        let pending = running.view().memory.pending_create();
        let intended = pending.map(|pending| pending.since + SignedDuration::from_secs(1));
        let missing = self.known(&running.uid).alias_missing;
        let missing = missing.filter(|since| Some(*since) > intended);
        if let Call::Create { .. } = call {
            let known = self.known(&running.uid);
            // What was missing before it may be there.
            known.alias_missing = None;
        }
        let answer = self.answer_call(running, call, fault);
        let did_nothing = match &answer {
            Answer::Refused(_) => true,
            Answer::Failed { did_nothing, .. } => *did_nothing,
            _ => false,
        };
        if did_nothing {
            self.known(&running.uid).alias_missing = missing;
        }
        answer
    }

    fn answer_call(&mut self, running: &mut Running, call: &Call, fault: &Fault) -> Answer {
        let operation = call.operation();
        if let Some(trouble) = fault
            .trouble()
            .or(self.aws_is_down.then_some(ErrorKind::Unreachable))
        {
            return answer(operation, &trouble);
        }
        let account = running.account.unwrap_or(self.account);
        let claims = self.is_claim(running, call);
        let done = self.aws.change(call, account, self.now);
        self.calls.push((call.clone(), done.is_ok()));
        if claims && done.is_ok() {
            self.note_claim(running, call);
        }
        if let (Call::Delete(_), Ok(_)) = (call, &done) {
            let now = self.now;
            let known = self.known(&running.uid);
            (known.accepted, known.still_there) = (Some(now), None);
        }
        self.watch_effect(running, call, done.is_ok());
        if let Fault::Lost = fault {
            return answer(operation, &ErrorKind::TimedOut);
        }
        match (done, call) {
            (Ok(Some(id)), _) => Answer::Created(id),
            (Ok(None), call) => call.success().unwrap_or(Answer::DeleteAccepted),
            (Err(trouble), _) => answer(operation, &trouble),
        }
    }
}

fn answer(operation: Operation, trouble: &ErrorKind) -> Answer {
    let region = Region::from("us-east-1");
    Answer::of_error(trouble, Failure::of_call(operation, trouble, Some(&region)))
}

/// Missing counts only when it was seen twice, 30 s apart.
fn presence(
    missing: &mut Option<Timestamp>,
    found: Option<Summary>,
    begun: Timestamp,
) -> Presence<Summary> {
    if let Some(row) = found {
        *missing = None;
        return Presence::Present(row);
    }
    let since = *missing.get_or_insert(begun);
    Presence::Absent {
        confirmed: begun.duration_since(since) >= APART,
    }
}
