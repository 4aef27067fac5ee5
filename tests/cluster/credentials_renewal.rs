//! Credentials that expire: they are renewed in the background, and one object's trouble is nobody
//! else's.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Json, Router, http::StatusCode, routing::get};
use k8s_openapi::jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use workmail_local::{CallFilter, Config, Credential, Fault, Refusal, Reply, Rule};
use workmail_operator::api::Reason;

use crate::world::{World, assert_not_ready, id, quick, status};

/// Gives out credentials as the agent of EKS Pod Identity does: each time other ones.
#[derive(Clone)]
struct Vending(Arc<Mutex<Vended>>);

struct Vended {
    life: Duration,
    count: usize,
    is_out_of_order: bool,
}

impl Vending {
    /// Begins to give out credentials of this life to the operator.
    async fn to(world: &mut World, life: Duration) -> Self {
        let vending = Self(Arc::new(Mutex::new(Vended {
            life,
            count: 0,
            is_out_of_order: false,
        })));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/credentials", listener.local_addr().unwrap());
        let gives = vending.clone();
        let routes = Router::new().route("/credentials", get(async move || gives.give()));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            world.operator.set(variable, None);
        }
        let variable = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        world.operator.set(variable, Some(&url));
        vending
    }

    fn give(&self) -> Result<Json<Value>, StatusCode> {
        let mut vended = self.0.lock().unwrap();
        if vended.is_out_of_order {
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        vended.count += 1;
        let expiration = Timestamp::now() + vended.life;
        Ok(Json(json!({
            "AccessKeyId": format!("AKIDVENDED{}", vended.count),
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": expiration.to_string(),
        })))
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().count
    }

    fn break_down(&self) {
        self.0.lock().unwrap().is_out_of_order = true;
    }
}

async fn world() -> World {
    let mut world = World::without_operator(Config::with_knobs(quick())).await;
    world.operator.argument("--resync-interval=1s");
    world
}

fn questions(world: &World) -> usize {
    world.calls("GetCallerIdentity").len()
}

/// Asks the operator to end, and asserts that it does so without waiting for AWS.
async fn assert_ends_at_once(world: &mut World) {
    let asked = Instant::now();
    world.operator.terminate();
    let ended = world.operator.ended().await;
    assert!(ended.success());
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(8), "it took {took:?}");
}

#[tokio::test]
async fn while_sts_hangs_work_goes_on_with_credentials_that_are_valid_and_the_operator_ends_in_time()
 {
    let mut world = world().await;
    let vending = Vending::to(&mut world, Duration::from_mins(1)).await;
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_settled("acme").await;
    world
        .aws
        .fault(Rule::on("GetCallerIdentity", Fault::hang()));

    // Two thirds of the life later.
    world
        .poll("the renewal hangs", async || {
            let calls = world.calls("GetCallerIdentity");
            calls
                .iter()
                .any(|call| call.reply == Reply::Held)
                .then_some(())
        })
        .await;
    assert_eq!(vending.count(), 2);
    let mark = world.aws.last_call();
    world.create("other", json!({"alias": "other"})).await;
    world.until_settled("other").await;
    let later = CallFilter::on("CreateOrganization").after(mark);
    let key = world.until_calls(&later, 1).await.remove(0).access_key;
    assert_eq!(key.as_deref(), Some("AKIDVENDED1"), "with the old ones");
    assert!(questions(&world) <= 3, "one at a time, with pauses");
    assert_ends_at_once(&mut world).await;
}

#[tokio::test]
async fn while_sts_hangs_from_the_start_on_the_operator_ends_when_it_is_asked_to() {
    let mut world = world().await;
    world
        .aws
        .fault(Rule::on("GetCallerIdentity", Fault::hang()));
    world.operator.start();
    for number in 0..8 {
        let name = format!("acme-{number}");
        world.create(&name, json!({"alias": name})).await;
    }
    world.until_held("GetCallerIdentity").await;
    assert_eq!(questions(&world), 1, "all wait for one answer");
    assert_ends_at_once(&mut world).await;
    for number in 0..8 {
        let object = world.get(&format!("acme-{number}")).await;
        assert!(
            status(&object).conditions.is_empty(),
            "nothing is concluded"
        );
    }
}

#[tokio::test]
async fn credentials_of_a_short_life_are_renewed_once_per_two_thirds_of_it() {
    let mut world = world().await;
    let life = Duration::from_secs(45);
    let vending = Vending::to(&mut world, life).await;
    world.operator.start();
    world.create("acme-0", json!({"alias": "acme-0"})).await;
    world.until_called("GetCallerIdentity", 1).await;
    let begun = Instant::now();
    for number in 1..8 {
        let name = format!("acme-{number}");
        world.create(&name, json!({"alias": name})).await;
    }
    world.until_called("GetCallerIdentity", 2).await;
    assert!(begun.elapsed() > life / 2, "{:?}", begun.elapsed());
    for number in 0..8 {
        world.until_settled(&format!("acme-{number}")).await;
    }
    assert_eq!(vending.count(), questions(&world));
    assert!(vending.count() <= 1 + (begun.elapsed().as_secs() / 22) as usize);
}

#[tokio::test]
async fn a_right_that_is_missing_for_one_organization_leaves_the_session_of_all_others_alone() {
    let mut world = world().await;
    let vending = Vending::to(&mut world, Duration::from_hours(1)).await;
    world.operator.start();
    for name in ["acme", "other"] {
        world.create(name, json!({"alias": name})).await;
    }
    let acme = id(&world.until_settled("acme").await);
    world.until_settled("other").await;
    let denied = Fault::error("AccessDeniedException", "you may not");
    world
        .aws
        .fault(Rule::on("TagResource", denied).organization(acme));
    // Not even a source of credentials that is out of order matters.
    vending.break_down();

    let tags = json!({"spec": {"tags": {"team": "a"}}});
    world.patch("acme", tags.clone()).await;
    let object = world.until_refused("acme", Reason::AccessDenied).await;
    assert_not_ready(&object, Reason::AccessDenied, &["you may not"]);
    world.patch("other", tags).await;
    world.until_settled("other").await;
    assert_eq!((vending.count(), questions(&world)), (1, 1));

    // A right that is given is used with the next call: no credentials are renewed for that.
    world.aws.clear_faults();
    world.look_now("acme").await;
    world.until_settled("acme").await;
    assert_eq!((vending.count(), questions(&world)), (1, 1));
}

#[rstest]
#[case::beside_a_region_of_its_own(Some("us-west-2"), "us-west-2")]
#[case::and_no_other(None, "us-east-1")]
#[tokio::test]
async fn a_region_that_does_not_exist_is_the_trouble_of_those_who_name_it_alone(
    #[case] own: Option<&str>,
    #[case] asked_in: &str,
) {
    let mut world = world().await;
    // Of a request that is signed for such a region, the endpoint says that its signature is invalid.
    world.operator.set("AWS_REGION", own);
    world.operator.argument("--region=zz-none-1");
    world.operator.start();
    world.create("lost", json!({"alias": "lost"})).await;
    let object = world
        .until_refused("lost", Reason::ServiceUnavailable)
        .await;
    assert_not_ready(
        &object,
        Reason::ServiceUnavailable,
        &[
            "zz-none-1",
            "us-east-1, us-west-2, eu-west-1",
            "Check the region",
        ],
    );

    let spec = json!({"alias": "acme", "region": "eu-west-1"});
    world.create("acme", spec).await;
    world.until_settled("acme").await;
    let regions: Vec<_> = world
        .calls("GetCallerIdentity")
        .into_iter()
        .map(|call| call.region.unwrap())
        .collect();
    assert_eq!(regions, [asked_in], "once, in the operator's own region");
    let line = world
        .operator
        .until_said("AWS STS is asked in this region")
        .await;
    assert_eq!(line["region"], asked_in);
}

#[tokio::test]
async fn credentials_that_change_on_disk_are_taken_up() {
    let mut world = world().await;
    let (ours, others) = ("123456789012", "210987654321");
    world
        .aws
        .seed_credential(Credential::new("AKIDANOTHER", others))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let write = |key: &str| {
        let text = format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = s\n");
        fs::write(&file, text).unwrap();
    };
    write("AKIDEXAMPLE");
    for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        world.operator.set(variable, None);
    }
    let variable = "AWS_SHARED_CREDENTIALS_FILE";
    world.operator.set(variable, file.to_str());
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_settled("acme").await;

    let until_found = async |account: &str| {
        let found = async || {
            let found = world.operator.logged("AWS credentials found");
            (found.last()?["account"] == account).then_some(())
        };
        world.poll("the credentials are found", found).await;
    };
    write("AKIDANOTHER");
    until_found(others).await;
    let change = json!({"spec": {"tags": {"team": "a"}}});
    world.patch("acme", change).await;
    world.until_refused("acme", Reason::AccountMismatch).await;
    write("AKIDEXAMPLE");
    until_found(ours).await;
    world.look_now("acme").await;
    world.until_settled("acme").await;
}

/// Uses a profile of this text, in a file below `~`, in the place of keys in the environment.
fn use_profile(world: &mut World, home: &Path, text: &str) {
    for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        world.operator.set(variable, None);
    }
    let file = home.join("profiles");
    fs::write(
        &file,
        format!("[profile mail]\nregion = us-east-1\n{text}\n"),
    )
    .unwrap();
    world.operator.set("AWS_CONFIG_FILE", file.to_str());
    world.operator.set("AWS_PROFILE", Some("mail"));
}

#[tokio::test]
async fn a_program_that_a_profile_names_gives_the_credentials_and_is_asked_again_when_they_are_refused()
 {
    let mut world = world().await;
    let folder = tempfile::tempdir().unwrap();
    let given = folder.path().join("given");
    let give = |key: &str| {
        let credentials = json!({"Version": 1, "AccessKeyId": key, "SecretAccessKey": "secret"});
        fs::write(&given, credentials.to_string()).unwrap();
    };
    give("AKIDFIRST");
    let program = format!("credential_process = cat {}", given.display());
    use_profile(&mut world, folder.path(), &program);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world.until_settled("acme").await;
    let keys = |operation: &str| -> Vec<_> {
        let calls = world.calls(operation).into_iter();
        calls.filter_map(|call| call.access_key).collect()
    };
    assert_eq!(keys("CreateOrganization"), ["AKIDFIRST"]);

    // They have no time of expiry: only a refusal says that they are old.
    give("AKIDSECOND");
    let first = Credential::new("AKIDFIRST", "123456789012").refused(Refusal::Expired);
    world.aws.seed_credential(first).unwrap();
    world
        .patch("acme", json!({"spec": {"tags": {"team": "a"}}}))
        .await;
    world.until_settled("acme").await;
    assert_eq!(keys("TagResource").last().unwrap(), "AKIDSECOND");
}

#[tokio::test]
async fn a_profile_of_iam_identity_center_is_understood_and_what_it_lacks_is_told() {
    let mut world = world().await;
    let folder = tempfile::tempdir().unwrap();
    let session = "sso_session = corp\nsso_account_id = 123456789012\nsso_role_name = mail\n\
                   [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.invalid/start";
    use_profile(&mut world, folder.path(), session);
    world.operator.start();
    world.create("acme", json!({"alias": "acme"})).await;
    world
        .until_refused("acme", Reason::CredentialsUnavailable)
        .await;
    let told = world
        .operator
        .until_said("AWS credentials could not be renewed; tried again")
        .await;
    let detail = told["detail"].as_str().unwrap();
    // Nobody has logged in here.
    assert!(detail.contains("token"), "{detail}");
    assert!(!detail.contains("feature"), "{detail}");
    assert!(world.aws.journal().is_empty(), "nothing can be asked");
}
