//! GetCallerIdentity of AWS Security Token Service.

use serde_json::json;

use super::{ApiError, Completed};
use crate::state::Caller;

pub(super) fn caller_identity(caller: &Caller) -> Result<Completed, ApiError> {
    let arn = caller.arn();
    if caller.is_denied("sts:GetCallerIdentity") {
        let text = format!("User: {arn} is not authorized to perform: sts:GetCallerIdentity");
        return Err(ApiError::framework("AccessDenied", text).with_status(403));
    }
    let user_id = match arn.split_once(":assumed-role/") {
        Some((_, role)) => {
            let session = role.rsplit_once('/').map_or(role, |(_, session)| session);
            format!("AROAWORKMAILLOCAL0000:{session}")
        }
        None => "AIDAWORKMAILLOCAL0000".to_owned(),
    };
    let output = json!({"Arn": arn, "UserId": user_id, "Account": caller.credential.account});
    Ok(Completed {
        output: Some(output),
        organization: None,
        effect: false,
    })
}
