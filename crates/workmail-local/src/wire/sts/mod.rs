//! The actions of AWS Security Token Service that are served.

mod assume;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ApiError, Completed};
use crate::state::{Caller, State, role_of_arn};

/// An action of STS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    GetCallerIdentity,
    AssumeRole,
    AssumeRoleWithWebIdentity,
}

impl Action {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "GetCallerIdentity" => Some(Self::GetCallerIdentity),
            "AssumeRole" => Some(Self::AssumeRole),
            "AssumeRoleWithWebIdentity" => Some(Self::AssumeRoleWithWebIdentity),
            _ => None,
        }
    }

    /// Whether the action takes requests without a signature.
    pub(super) fn is_unsigned(self) -> bool {
        self == Self::AssumeRoleWithWebIdentity
    }
}

/// Runs an action.
pub(super) fn run(
    action: Action,
    state: &mut State,
    caller: &Caller,
    input: &Value,
    now: Timestamp,
) -> Result<Completed, ApiError> {
    let output = match action {
        Action::GetCallerIdentity => caller_identity(caller)?,
        Action::AssumeRole => assume::role(state, caller, input, now)?,
        Action::AssumeRoleWithWebIdentity => assume::with_web_identity(state, input, now)?,
    };
    Ok(Completed {
        output: Some(output),
        organization: None,
        effect: false,
    })
}

/// Returns the account of the role that a call wants to assume.
pub(super) fn account_of_role(input: &Value) -> Option<&str> {
    let arn = input.get("RoleArn")?.as_str()?;
    Some(role_of_arn(arn)?.0)
}

fn caller_identity(caller: &Caller) -> Result<Value, ApiError> {
    let arn = caller.arn();
    if caller.is_denied("sts:GetCallerIdentity") {
        let text = format!("User: {arn} is not authorized to perform: sts:GetCallerIdentity");
        return Err(access_denied(text));
    }
    let user_id = match arn.split_once(":assumed-role/") {
        Some((_, role)) => {
            let session = role.rsplit_once('/').map_or(role, |(_, session)| session);
            format!("AROAWORKMAILLOCAL0000:{session}")
        }
        None => "AIDAWORKMAILLOCAL0000".to_owned(),
    };
    let account = &caller.credential.account;
    let identity = json!({"Arn": arn, "UserId": user_id, "Account": account});
    Ok(json!({"GetCallerIdentityResult": identity}))
}

fn access_denied(text: String) -> ApiError {
    ApiError::framework("AccessDenied", text).with_status(403)
}
