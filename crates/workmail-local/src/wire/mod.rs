//! One request on the wire: its caller, its operation, the faults, the answer, and the journal.

mod caller;
pub(crate) mod metadata;
mod parsed;
mod reply;
mod signature;
mod sts;

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, Response, header::USER_AGENT, request::Parts},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as HttpBody;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use self::{
    parsed::{ParsedRequest, Target},
    reply::Answer,
    signature::Signature,
};
use crate::{
    contract::{Contract, Operation},
    endpoint::Endpoint,
    export,
    faults::{CallInfo, End, ExportEnd, Injected, Work},
    ids::{self, OrganizationId},
    journal::{Call, Entry, Outcome, Reply, Service},
    operations::{self, ApiError, Completed},
    state::Caller,
};

/// The largest body that is read, in bytes.
const LARGEST_BODY: usize = 1 << 20;

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub(crate) struct Closed;

/// Answers a request as the service does, or closes the connection.
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
    let body = match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let service = parsed::service_of(&head.headers);
            let answer = Answer::Error(ApiError::too_large());
            return Ok(reply::render(&answer, service, &request_id));
        }
        Err(_) => return Err(Closed),
    };
    let request = ParsedRequest::parse(&head, &body);
    let signature = signature::read(&head.headers, request.service);
    let signed = signature.as_ref().ok().cloned();
    let caller = if request.is_unsigned() {
        Ok(caller::anonymous(request.account_of_role()))
    } else {
        signature.and_then(|signature| caller::caller(endpoint, request.service, &signature))
    };
    let mut call = journal_call(&request, &head, signed, &request_id);
    call.account = caller
        .as_ref()
        .ok()
        .map(|caller| caller.location.account.clone());
    call.request = request.journal_body(&body);
    let entry = endpoint.calls_journal().add(call);
    let answer = match accept(&request, caller) {
        Ok((target, caller, input)) => {
            let call = AcceptedCall {
                endpoint,
                target,
                caller: &caller,
                entry: &entry,
            };
            call.answer(&request, input).await
        }
        Err(error) => Ok(Answer::Error(error)),
    };
    match answer {
        Ok(answer) => {
            let refusal = answer.code().map(|code| Outcome::Error(code.to_owned()));
            let garbage = matches!(answer, Answer::Garbage);
            let response = reply::render(&answer, request.service, &request_id);
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

/// Returns the call of a request for the journal, without its account and its body.
fn journal_call(
    request: &ParsedRequest,
    head: &Parts,
    signed: Option<Signature>,
    request_id: &str,
) -> Call {
    let (access_key, region) = signed
        .map(|signed| (signed.access_key, signed.region))
        .unzip();
    Call {
        sequence: 0,
        at: Timestamp::now(),
        completed_at: None,
        service: request.service,
        operation: request.name.clone(),
        account: None,
        region,
        access_key,
        request: Value::Null,
        outcome: Outcome::Pending,
        effect: false,
        reply: Reply::Pending,
        status: None,
        organization_id: request.organization_id().map(str::to_owned),
        faults: Vec::new(),
        request_id: request_id.to_owned(),
        user_agent: header(&head.headers, USER_AGENT.as_str()).map(str::to_owned),
    }
}

/// Checks a request in the order of the service: the operation, the caller, the input.
fn accept(
    request: &ParsedRequest,
    caller: Result<Caller, ApiError>,
) -> Result<(Target, Caller, Value), ApiError> {
    let target = request.target()?;
    let caller = caller?;
    let input = request.input(target)?;
    Ok((target, caller, input))
}

/// A call of a known caller for an operation that is served.
#[derive(Clone, Copy)]
struct AcceptedCall<'a> {
    endpoint: &'a Endpoint,
    target: Target,
    caller: &'a Caller,
    entry: &'a Entry,
}

impl AcceptedCall<'_> {
    async fn answer(self, request: &ParsedRequest, input: Value) -> Result<Answer, Closed> {
        if let Target::WorkMail(..) = self.target
            && let Some(error) = caller::throttled(self.endpoint, &self.caller.location)
        {
            return Ok(Answer::Error(error));
        }
        let organization_id = request.organization_id();
        let alias = alias_of(self.endpoint, &input, organization_id);
        let account = request.account_of_role();
        let Injected {
            rules,
            delay,
            fail_creation,
            export_end,
            end,
        } = self.endpoint.inject_faults(&CallInfo {
            operation: &request.name,
            organization_id,
            alias: alias.as_deref(),
            account: account.unwrap_or(&self.caller.location.account),
            input: &input,
        });
        let delay = delay + self.delay();
        if !rules.is_empty() {
            self.entry.update(|call| call.faults = rules);
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let work = || self.work(input, fail_creation, export_end);
        let (when, answer) = match end {
            End::Normal => return Ok(work()),
            End::Hang(mut released, Work::NotDone) => {
                self.hold(&mut released).await;
                return Ok(work());
            }
            End::Hang(mut released, Work::Done) => {
                let answer = work();
                self.hold(&mut released).await;
                return Ok(answer);
            }
            End::Error {
                code,
                message,
                status,
                work,
            } => {
                let error = ApiError::injected(&code, &message, status);
                (work, Ok(Answer::Error(error)))
            }
            End::Http(status, work) => (work, Ok(Answer::Status(status))),
            End::Garbage(work) => (work, Ok(Answer::Garbage)),
            End::LostReply(work) => (work, Err(Closed)),
        };
        if when == Work::Done {
            work();
        }
        answer
    }

    /// Returns how long every answer of the service takes.
    fn delay(self) -> Duration {
        match self.target {
            Target::Sts(_) => self.endpoint.knobs().sts_delay.0,
            Target::WorkMail(..) => Duration::ZERO,
        }
    }

    /// Waits until a held call is released, or its rule is removed.
    async fn hold(self, released: &mut watch::Receiver<()>) {
        self.entry.update(|call| call.reply = Reply::Held);
        // An error means that the rule was removed.
        let _released_or_removed = released.changed().await;
        self.entry.update(|call| call.reply = Reply::Pending);
    }

    fn work(
        self,
        input: Value,
        fail_creation: Option<String>,
        export_end: Option<ExportEnd>,
    ) -> Answer {
        let Self {
            endpoint, caller, ..
        } = self;
        let completed = match self.target {
            Target::Sts(action) => {
                let now = endpoint.clock().now();
                sts::run(action, &mut endpoint.state(), caller, &input, now)
            }
            Target::WorkMail(operation, model, contract) => {
                let violations = contract.violations(&input, &model.input);
                let request = operations::Request {
                    operation,
                    caller,
                    input,
                    now: endpoint.clock().now(),
                    fail_creation,
                    export_end,
                };
                operations::run(&mut endpoint.state(), model, &violations, request)
            }
        };
        self.entry.update(|call| match &completed {
            Ok(completed) => {
                call.outcome = Outcome::Ok;
                call.effect = completed.effect;
                if let Some(id) = completed.organization {
                    call.organization_id = Some(id.to_string());
                }
            }
            Err(error) => call.outcome = Outcome::Error(error.code.clone()),
        });
        if let Target::WorkMail(Operation::StartMailboxExportJob, ..) = self.target
            && let Ok(Completed {
                output: Some(output),
                organization: Some(organization),
                effect: true,
            }) = &completed
            && let Some(job) = output.get("JobId").and_then(Value::as_str)
        {
            export::spawn(endpoint, *organization, job.to_owned());
        }
        match completed {
            Ok(Completed { output, .. }) => Answer::Output(output),
            Err(error) => Answer::Error(error),
        }
    }
}

/// Returns the alias that a call names, or the alias of the organization that it names.
fn alias_of(endpoint: &Endpoint, input: &Value, organization: Option<&str>) -> Option<String> {
    if let Some(alias) = input.get("Alias").and_then(Value::as_str) {
        return Some(alias.to_owned());
    }
    let id = OrganizationId::parse(organization?)?;
    let state = endpoint.state();
    Some(state.find(id)?.alias.clone())
}

/// Returns the value of a header as text.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
