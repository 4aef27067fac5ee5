//! The caller of an operation.

use crate::{ids::Location, seeds::Credential};

/// A caller whose access key was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) location: Location,
    pub(crate) credential: Credential,
}

impl Caller {
    /// Returns the ARN of the caller.
    pub(crate) fn arn(&self) -> String {
        let Credential { account, arn, .. } = &self.credential;
        arn.clone()
            .unwrap_or_else(|| format!("arn:aws:iam::{account}:user/local"))
    }

    /// Whether an action (`ds:CreateAlias`) is denied: by its full name, for WorkMail and STS by
    /// the operation alone, and for WorkMail by `*`.
    pub(crate) fn is_denied(&self, action: &str) -> bool {
        let denied = &self.credential.denied;
        let (service, operation) = action.split_once(':').unwrap_or(("", action));
        let by_operation = ["workmail", "sts"].contains(&service) && denied.contains(operation);
        let by_star = service == "workmail" && denied.contains("*");
        by_operation || by_star || denied.contains(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_denied_by_each_of_its_names() {
        let is_denied = |denied: &str, action: &str| {
            let location = Location {
                account: "123456789012".to_owned(),
                region: "us-east-1".to_owned(),
            };
            let credential = Credential::new("AKIA", "123456789012").without(denied);
            let caller = Caller {
                location,
                credential,
            };
            caller.is_denied(action)
        };
        assert!(is_denied("TagResource", "workmail:TagResource"));
        assert!(is_denied("workmail:TagResource", "workmail:TagResource"));
        assert!(is_denied("*", "workmail:ListOrganizations"));
        assert!(is_denied("ds:CreateAlias", "ds:CreateAlias"));
        assert!(is_denied("GetCallerIdentity", "sts:GetCallerIdentity"));
        assert!(!is_denied("*", "ds:CreateAlias"));
        assert!(!is_denied("*", "sts:GetCallerIdentity"));
        assert!(!is_denied("TagResource", "workmail:UntagResource"));
    }
}
