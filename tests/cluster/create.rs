//! From `kubectl apply` to Active.

use serde_json::json;
use workmail_operator::api::{ConditionStatus, ConditionType, Origin};

use crate::world::{World, condition, ready, status};

#[tokio::test]
async fn an_applied_organization_becomes_active_and_says_so() {
    let world = World::new().await;
    world.create("acme", json!({"alias": "acme"})).await;
    let object = world.until_active("acme").await;

    let status = status(&object);
    assert_eq!(status.state.as_deref(), Some("Active"));
    assert_eq!(status.origin, Some(Origin::Created));
    assert_eq!(status.account_id.as_deref(), Some("123456789012"));
    assert_eq!(status.region.as_deref(), Some("us-east-1"));
    assert_eq!(status.observed_generation, object.metadata.generation);
    assert_eq!(status.default_domain.as_deref(), Some("acme.awsapps.com"));
    assert!(status.pending.is_none(), "nothing is pending any more");
    let synced = condition(&object, ConditionType::Synced).unwrap();
    assert_eq!(synced.status, ConditionStatus::True);
    for absent in [ConditionType::Reconciling, ConditionType::Stalled] {
        assert!(
            condition(&object, absent).is_none(),
            "{absent:?} is not there"
        );
    }
    assert!(
        ready(&object)
            .unwrap()
            .message
            .contains(&status.organization_id.unwrap())
    );
    assert_eq!(
        world.mutating_calls(),
        ["CreateOrganization", "TagResource"]
    );
    let token = &world.calls("CreateOrganization")[0].request["ClientToken"];
    assert_eq!(token.as_str(), object.metadata.uid.as_deref());
}
