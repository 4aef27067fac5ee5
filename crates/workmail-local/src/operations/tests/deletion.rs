use super::*;
use crate::{
    knobs::{DeleteAnswer, EnabledUsersError, MissingRights, SharedDirectory},
    seeds::{SeedDirectory, SeedUser, UserState},
    span::Lifetime,
};
use Operation::{DeleteOrganization, DescribeOrganization, ListOrganizations};

fn slow() -> Knobs {
    Knobs {
        deleting_for: seconds(10),
        ..Knobs::immediate()
    }
}

fn plain(id: &str) -> Value {
    json!({"OrganizationId": id, "DeleteDirectory": false})
}

#[test]
fn an_organization_goes_over_deleting_to_deleted_and_stays_visible() {
    let mut bench = Bench::new(slow());
    let id = bench.create("acme");
    let answer = bench.delete(&id);
    assert_eq!(answer, json!({"OrganizationId": id, "State": "Deleting"}));
    assert_eq!(bench.state(&id), "Deleting");
    bench.advance(10);
    assert_eq!(bench.state(&id), "Deleted");
    bench.advance(1_000_000);
    assert_eq!(bench.state(&id), "Deleted");
    let list = bench.ok(ListOrganizations, json!({}));
    assert_eq!(list["OrganizationSummaries"][0]["State"], "Deleted");
}

#[test]
fn a_deleted_organization_vanishes_as_the_knob_says_even_if_it_is_turned_later() {
    let mut bench = Bench::immediate();
    bench.world.knobs.deleted_visible_for = Duration::from_mins(1).into();
    let first = bench.create("first");
    bench.delete(&first);
    bench.advance(59);
    assert_eq!(bench.state(&first), "Deleted");
    bench.advance(1);
    assert_eq!(
        bench.refused(DescribeOrganization, json!({"OrganizationId": first})),
        "OrganizationNotFoundException"
    );
    assert_eq!(
        bench.ok(ListOrganizations, json!({})),
        json!({"OrganizationSummaries": []})
    );

    let second = bench.create("second");
    bench.delete(&second);
    let forever = Knobs {
        deleted_visible_for: Lifetime::Forever,
        ..bench.world.knobs.clone()
    };
    bench.world.set_knobs(forever, bench.clock.now());
    bench.advance(100);
    assert_eq!(bench.state(&second), "Deleted");
    let briefly = Knobs {
        deleted_visible_for: Duration::from_secs(99).into(),
        ..bench.world.knobs.clone()
    };
    bench.world.set_knobs(briefly, bench.clock.now());
    assert_eq!(
        bench.refused(DescribeOrganization, json!({"OrganizationId": second})),
        "OrganizationNotFoundException"
    );
}

#[test]
fn a_deletion_may_not_show_at_once() {
    let mut bench = Bench::new(slow());
    bench.world.knobs.delete_hidden_for = Duration::from_secs(3).into();
    let id = bench.create("acme");
    assert_eq!(bench.delete(&id)["State"], "Deleting");
    assert_eq!(bench.state(&id), "Active");
    assert_eq!(
        bench.refused(DeleteOrganization, plain(&id)),
        "OrganizationStateException"
    );
    bench.advance(3);
    assert_eq!(bench.state(&id), "Deleting");
    bench.advance(10);
    assert_eq!(bench.state(&id), "Deleted");
}

#[test]
fn a_deletion_that_is_repeated_with_its_token_is_the_same_call() {
    let mut bench = Bench::new(slow());
    let id = bench.create("acme");
    let input = json!({"OrganizationId": id, "DeleteDirectory": false, "ClientToken": "t"});
    let first = bench.run(DeleteOrganization, input.clone()).unwrap();
    assert!(first.effect);
    bench.advance(10);
    let second = bench.run(DeleteOrganization, input).unwrap();
    assert_eq!((second.output, second.effect), (first.output, false));
    assert_eq!(
        bench.refused(DeleteOrganization, plain(&id)),
        "OrganizationStateException"
    );
}

#[test]
fn the_state_decides_what_a_deletion_is_told() {
    for (state, code) in [
        ("Requested", Some("OrganizationStateException")),
        ("Creating", Some("OrganizationStateException")),
        ("Validating", Some("OrganizationStateException")),
        ("Active", None),
        ("Failed", None),
        ("Impaired", None),
        ("Inactive", None),
        ("Deleting", Some("OrganizationStateException")),
        ("Deleted", Some("OrganizationStateException")),
        ("Frozen", Some("OrganizationStateException")),
    ] {
        let mut bench = Bench::immediate();
        let id = bench.seed(SeedOrganization {
            state: state.to_owned(),
            ..SeedOrganization::new("acme")
        });
        let done = bench.run(DeleteOrganization, plain(&id));
        assert_eq!(
            done.err().map(|error| error.code).as_deref(),
            code,
            "{state}"
        );
    }
}

#[test]
fn the_text_of_a_state_error_is_the_services_own() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    bench.delete(&id);
    let error = bench.run(DeleteOrganization, plain(&id)).unwrap_err();
    assert_eq!(
        error.message.unwrap(),
        format!("Organization {id} is not Active, state: Deleted")
    );
}

#[test]
fn what_a_state_is_told_can_be_turned() {
    for (answer, code) in [
        (DeleteAnswer::Accept, None),
        (
            DeleteAnswer::NotFound,
            Some("OrganizationNotFoundException"),
        ),
        (
            DeleteAnswer::InvalidParameter,
            Some("InvalidParameterException"),
        ),
    ] {
        let mut bench = Bench::new(slow());
        bench
            .world
            .knobs
            .delete_answers
            .insert("Deleting".to_owned(), answer);
        let id = bench.create("acme");
        bench.delete(&id);
        let done = bench.run(DeleteOrganization, plain(&id));
        assert!(done.as_ref().is_err() || !done.as_ref().unwrap().effect);
        assert_eq!(done.err().map(|error| error.code).as_deref(), code);
    }
}

#[test]
fn a_creation_under_way_can_be_deleted_where_the_knob_says_so() {
    let mut bench = Bench::new(Knobs {
        creating_for: seconds(60),
        ..slow()
    });
    bench
        .world
        .knobs
        .delete_answers
        .insert("Creating".to_owned(), DeleteAnswer::Accept);
    let id = bench.create("acme");
    assert_eq!(bench.state(&id), "Creating");
    bench.delete(&id);
    bench.advance(60);
    assert_eq!(bench.state(&id), "Deleted");
    assert!(bench.describe(&id).get("CompletedDate").is_none());
}

#[test]
fn enabled_users_keep_an_organization_unless_the_deletion_is_forced() {
    let mut bench = Bench::immediate();
    let user = |name: &str, state| SeedUser {
        state,
        ..SeedUser::new(name)
    };
    let id = bench.seed(SeedOrganization {
        users: vec![
            user("gone", UserState::Disabled),
            user("here", UserState::Enabled),
        ],
        ..SeedOrganization::new("acme")
    });
    assert_eq!(
        bench.refused(DeleteOrganization, plain(&id)),
        "OrganizationStateException"
    );
    bench.world.knobs.enabled_users_error = EnabledUsersError::InvalidParameterException;
    assert_eq!(
        bench.refused(DeleteOrganization, plain(&id)),
        "InvalidParameterException"
    );
    assert_eq!(bench.state(&id), "Active");
    let forced = json!({"OrganizationId": id, "DeleteDirectory": false, "ForceDelete": true});
    bench.ok(DeleteOrganization, forced);
    assert_eq!(bench.state(&id), "Deleted");
}

#[test]
fn a_directory_that_others_use_is_not_deleted() {
    let mut bench = Bench::new(slow());
    let directory = SeedDirectory {
        other_applications: true,
        ..SeedDirectory::default()
    };
    let directory = bench.world.seed_directory(directory).unwrap().id.clone();
    let id = bench.seed(SeedOrganization {
        directory_id: Some(directory.clone()),
        ..SeedOrganization::new("acme")
    });
    let input = json!({"OrganizationId": id, "DeleteDirectory": true});
    assert_eq!(
        bench.refused(DeleteOrganization, input.clone()),
        "InvalidParameterException"
    );
    bench.world.knobs.shared_directory = SharedDirectory::FailLater;
    bench.ok(DeleteOrganization, input);
    assert_eq!(bench.state(&id), "Deleting");
    bench.advance(10);
    let failed = bench.describe(&id);
    assert_eq!(failed["State"], "Failed");
    assert!(
        failed["ErrorMessage"]
            .as_str()
            .unwrap()
            .contains(&directory)
    );
    bench.delete(&id);
    bench.advance(10);
    assert_eq!(bench.state(&id), "Deleted");
    assert!(
        !bench
            .world
            .directories
            .get(&directory)
            .unwrap()
            .view()
            .deleted
    );
}

#[test]
fn a_right_that_is_missing_elsewhere_refuses_the_deletion_or_fails_it() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    bench
        .caller
        .credential
        .denied
        .insert("ds:DeleteDirectory".to_owned());
    let input = json!({"OrganizationId": id, "DeleteDirectory": true});
    assert_eq!(
        bench.refused(DeleteOrganization, input.clone()),
        "AccessDeniedException"
    );
    assert_eq!(bench.state(&id), "Active");
    bench.world.knobs.missing_rights = MissingRights::FailLater;
    bench.ok(DeleteOrganization, input);
    assert_eq!(bench.state(&id), "Failed");
    bench.delete(&id);
    assert_eq!(bench.state(&id), "Deleted");
}

#[test]
fn nobody_deletes_what_is_not_theirs() {
    let mut bench = Bench::immediate();
    let id = bench.create("acme");
    for stranger in [
        caller("210987654321", "us-east-1"),
        caller(ACCOUNT, "eu-west-1"),
    ] {
        bench.caller = stranger;
        assert_eq!(
            bench.refused(DeleteOrganization, plain(&id)),
            "OrganizationNotFoundException"
        );
    }
    bench.caller = caller(ACCOUNT, "us-east-1");
    assert_eq!(bench.state(&id), "Active");
}
