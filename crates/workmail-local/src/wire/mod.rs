//! One request on the wire: who asks for what, what goes wrong, what is answered, and the journal
//! of it.

mod ask;
mod identify;
mod reply;
mod signature;
mod sts;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, Response, header::USER_AGENT},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as HttpBody;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use self::{
    ask::{Ask, Target},
    reply::Answer,
};
use crate::{
    contract::{Contract, Operation},
    endpoint::Endpoint,
    faults::{End, Fate, Subject, Work},
    ids::{self, OrganizationId},
    journal::{Call, Entry, Outcome, Reply, Service},
    operations::{self, ApiError, Done},
    state::Caller,
};

/// The largest body that is read.
const LARGEST: usize = 1 << 20;

/// The connection ends here, without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub(crate) struct Closed;

/// Answers a request as the service does, or not at all.
pub(crate) async fn serve<B>(
    endpoint: &Endpoint,
    request: Request<B>,
) -> Result<Response<Body>, Closed>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    let request_id = ids::uuid();
    let body = match Limited::new(body, LARGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let service = ask::service_of(&head.headers);
            let answer = Answer::Error(ApiError::too_large());
            return Ok(reply::render(&answer, service, &request_id));
        }
        Err(_) => return Err(Closed),
    };
    let ask = Ask::read(&head, &body);
    let service = ask.service;
    let signature = signature::read(&head.headers, service);
    let signed = signature.as_ref().ok().cloned();
    let caller = signature.and_then(|signature| identify::caller(endpoint, service, &signature));
    let account = caller.as_ref().ok().map(|caller| &caller.place.account);
    let entry = endpoint.journal_of_calls().enter(Call {
        sequence: 0,
        at: Timestamp::now(),
        completed_at: None,
        service,
        operation: ask.name.clone(),
        account: account.cloned(),
        region: signed.as_ref().map(|signed| signed.region.clone()),
        access_key: signed.map(|signed| signed.access_key),
        request: ask.shown(&body),
        outcome: Outcome::Pending,
        effect: false,
        reply: Reply::Pending,
        status: None,
        organization_id: ask.organization_id().map(str::to_owned),
        faults: Vec::new(),
        request_id: request_id.clone(),
        user_agent: text_of(&head.headers, USER_AGENT.as_str()).map(str::to_owned),
    });
    let answer = match ready(&ask, caller) {
        Ok((target, caller, input)) => {
            let call = Attended {
                endpoint,
                target,
                caller: &caller,
                entry: &entry,
            };
            call.answer(&ask, input).await
        }
        Err(error) => Ok(Answer::Error(error)),
    };
    match answer {
        Ok(answer) => {
            let refusal = answer.code().map(|code| Outcome::Error(code.to_owned()));
            let garbage = matches!(answer, Answer::Garbage);
            let response = reply::render(&answer, service, &request_id);
            let reply = if garbage { Reply::Garbage } else { Reply::Sent };
            entry.close(reply, Some(response.status().as_u16()), refusal);
            Ok(response)
        }
        Err(closed) => {
            entry.close(Reply::Lost, None, None);
            Err(closed)
        }
    }
}

/// What there is, who asks for it, and with what: the service looks in this order.
fn ready(ask: &Ask, caller: Result<Caller, ApiError>) -> Result<(Target, Caller, Value), ApiError> {
    let target = ask.target()?;
    let caller = caller?;
    let input = ask.input(target)?;
    Ok((target, caller, input))
}

/// A call of a caller who is known, for something that there is.
#[derive(Clone, Copy)]
struct Attended<'a> {
    endpoint: &'a Endpoint,
    target: Target,
    caller: &'a Caller,
    entry: &'a Entry,
}

impl Attended<'_> {
    async fn answer(self, ask: &Ask, input: Value) -> Result<Answer, Closed> {
        let place = &self.caller.place;
        if let Target::WorkMail(..) = self.target
            && let Some(away) = identify::turned_away(self.endpoint, place)
        {
            return away;
        }
        let id = ask.organization_id();
        let alias = alias_of(self.endpoint, &input, id);
        let Fate {
            rules,
            delay,
            fail_creation,
            end,
        } = self.endpoint.fate(&Subject {
            operation: &ask.name,
            organization_id: id,
            alias: alias.as_deref(),
            account: &place.account,
            region: &place.region,
        });
        if !rules.is_empty() {
            self.entry.update(|call| call.faults = rules);
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let work = || self.work(input, fail_creation);
        let (after, answer) = match end {
            End::Well => return Ok(work()),
            End::Hang(mut released, Work::NotDone) => {
                self.hold(&mut released).await;
                return Ok(work());
            }
            End::Hang(mut released, Work::Done) => {
                let answer = work();
                self.hold(&mut released).await;
                return Ok(answer);
            }
            End::Error(error, after) => (after, Ok(Answer::Error(ApiError::coded(&error)))),
            End::Http(status, after) => (after, Ok(Answer::Status(status))),
            End::Garbage(after) => (after, Ok(Answer::Garbage)),
            End::Lost(after) => (after, Err(Closed)),
        };
        if after == Work::Done {
            work();
        }
        answer
    }

    /// Waits until a held call is released, or its rule removed.
    async fn hold(self, released: &mut watch::Receiver<()>) {
        self.entry.update(|call| call.reply = Reply::Held);
        // An error says that the rule is gone, which releases too.
        let _released_or_gone = released.changed().await;
        self.entry.update(|call| call.reply = Reply::Pending);
    }

    fn work(self, input: Value, fail_creation: Option<String>) -> Answer {
        let Self {
            endpoint, caller, ..
        } = self;
        let done = match self.target {
            Target::CallerIdentity => sts::caller_identity(caller),
            Target::WorkMail(operation, model, contract) => {
                let broken = contract.broken(&input, &model.input);
                let now = endpoint.clock().now();
                let request = operations::Request {
                    operation,
                    caller,
                    input,
                    now,
                    fail_creation,
                };
                operations::run(&mut endpoint.world(), model, &broken, request)
            }
        };
        self.entry.update(|call| match &done {
            Ok(done) => {
                call.outcome = Outcome::Ok;
                call.effect = done.effect;
                if let Some(id) = done.organization {
                    call.organization_id = Some(id.to_string());
                }
            }
            Err(error) => call.outcome = Outcome::Error(error.code.clone()),
        });
        match done {
            Ok(Done { output, .. }) => Answer::Output(output),
            Err(error) => Answer::Error(error),
        }
    }
}

/// The alias that a call is about: it names one, or an organization that has one.
fn alias_of(endpoint: &Endpoint, input: &Value, organization: Option<&str>) -> Option<String> {
    let named = input
        .get("Alias")
        .and_then(Value::as_str)
        .map(str::to_owned);
    named.or_else(|| {
        let id = OrganizationId::parse(organization?)?;
        endpoint
            .world()
            .find(id)
            .map(|organization| organization.alias.clone())
    })
}

/// A header's value as text.
fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
