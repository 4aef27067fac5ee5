//! AssumeRole and AssumeRoleWithWebIdentity.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ApiError, access_denied};
use crate::{
    seeds::SeedRole,
    state::{Caller, Session, State},
};

/// How long a session lasts if the call names no duration, in seconds.
const DEFAULT_SECONDS: u64 = 3600;

/// The fields that both actions have.
struct Input<'i> {
    role_arn: &'i str,
    session_name: &'i str,
    policy: Option<&'i str>,
    lasts: Duration,
}

impl<'i> Input<'i> {
    fn parse(input: &'i Value) -> Result<Self, ApiError> {
        let role_arn = required(input, "RoleArn", 20..=2048)?;
        let session_name = required(input, "RoleSessionName", 2..=64)?;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
        if !session_name.chars().all(is_name) {
            return Err(invalid("roleSessionName", r"match the pattern [\w+=,.@-]*"));
        }
        let policy = field(input, "Policy");
        if policy.is_some_and(|text| serde_json::from_str::<Value>(text).is_err()) {
            let text = "This policy contains invalid Json";
            return Err(ApiError::framework("MalformedPolicyDocument", text));
        }
        let seconds = match field(input, "DurationSeconds") {
            None => DEFAULT_SECONDS,
            Some(text) => text
                .parse()
                .ok()
                .filter(|seconds| (900..=43200).contains(seconds))
                .ok_or_else(|| invalid("durationSeconds", "be between 900 and 43200"))?,
        };
        Ok(Self {
            role_arn,
            session_name,
            policy,
            lasts: Duration::from_secs(seconds),
        })
    }

    /// Starts the session that the input asks for.
    fn start(&self, state: &mut State, now: Timestamp) -> Result<Session, ApiError> {
        let longest = state.sessions.role(self.role_arn);
        if longest.is_some_and(|role| self.lasts > role.longest_session.0) {
            let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for \
                        this role.";
            return Err(ApiError::framework("ValidationError", text));
        }
        let lasts = state.knobs.session_for.map_or(self.lasts, |span| span.0);
        let policy = self.policy.map(str::to_owned);
        state
            .sessions
            .start(self.role_arn, self.session_name, policy, now, lasts)
            .ok_or_else(ApiError::internal)
    }
}

pub(super) fn role(
    state: &mut State,
    caller: &Caller,
    input: &Value,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let parsed = Input::parse(input)?;
    let external_id = field(input, "ExternalId");
    let trusted = state.sessions.role(parsed.role_arn).is_some_and(|role| {
        let own_role = state.sessions.role_of_key(&caller.credential.access_key);
        let needs = |needed: &Option<String>, given| needed.is_none() || needed.as_deref() == given;
        trusts(role, caller, own_role)
            && needs(&role.external_id, external_id)
            && needs(&role.session_name, Some(parsed.session_name))
    });
    if !trusted || caller.is_denied("sts:AssumeRole") {
        return Err(access_denied(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
            caller.arn(),
            parsed.role_arn
        )));
    }
    let session = parsed.start(state, now)?;
    Ok(json!({"AssumeRoleResult": session_output(&session)}))
}

/// Whether the trust policy of a role names a caller: itself, its role, its account, or everybody.
fn trusts(role: &SeedRole, caller: &Caller, own_role: Option<&str>) -> bool {
    let account = &caller.credential.account;
    let root = format!("arn:aws:iam::{account}:root");
    let names = [Some(caller.arn()), Some(account.clone()), Some(root)];
    let own_role = own_role.map(str::to_owned);
    let mut names = names.into_iter().flatten().chain(own_role);
    role.principals.contains("*") || names.any(|name| role.principals.contains(&name))
}

pub(super) fn with_web_identity(
    state: &mut State,
    input: &Value,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let parsed = Input::parse(input)?;
    let token = required(input, "WebIdentityToken", 4..=20000)?;
    let role = state.sessions.role(parsed.role_arn);
    let Some(accepted) = role.and_then(|role| role.web_identity_token.as_deref()) else {
        let text = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
        return Err(access_denied(text.to_owned()));
    };
    if token != accepted {
        let text = "The ID Token provided is not a valid JWT. (You may see this error if you sent \
                    an Access Token)";
        return Err(ApiError::framework("InvalidIdentityToken", text));
    }
    let session = parsed.start(state, now)?;
    let mut output = session_output(&session);
    if let Some(members) = output.as_object_mut() {
        let subject = "system:serviceaccount:local:local";
        members.insert("SubjectFromWebIdentityToken".to_owned(), subject.into());
        members.insert("Audience".to_owned(), "sts.amazonaws.com".into());
        members.insert("Provider".to_owned(), "workmail-local".into());
    }
    Ok(json!({"AssumeRoleWithWebIdentityResult": output}))
}

fn session_output(session: &Session) -> Value {
    let name = session.arn.rsplit('/').next().unwrap_or_default();
    json!({
        "AssumedRoleUser": {
            "AssumedRoleId": format!("AROAWORKMAILLOCAL0000:{name}"),
            "Arn": session.arn,
        },
        "Credentials": {
            "AccessKeyId": session.credential.access_key,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": crate::clock::seconds(session.expires_at),
        },
    })
}

fn field<'i>(input: &'i Value, name: &str) -> Option<&'i str> {
    input.get(name)?.as_str()
}

/// Returns a field that has to be there, with a length in characters within bounds.
fn required<'i>(
    input: &'i Value,
    name: &str,
    bounds: std::ops::RangeInclusive<usize>,
) -> Result<&'i str, ApiError> {
    let value = field(input, name).unwrap_or_default();
    if bounds.contains(&value.chars().count()) {
        Ok(value)
    } else {
        let (least, most) = (bounds.start(), bounds.end());
        Err(invalid(name, &format!("have {least} to {most} characters")))
    }
}

fn invalid(name: &str, bound: &str) -> ApiError {
    let text = format!(
        "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must \
         {bound}"
    );
    ApiError::framework("ValidationError", text)
}
