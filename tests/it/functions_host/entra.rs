//! Access tokens through the host, which has an opinion of its own on headers.

use super::{App, start};
use crate::entra::{
    ADA, Authority, Signer, assert_refused, attacks, of_user, other_keys, settings_for,
};

#[tokio::test]
async fn every_attack_is_refused_behind_the_host_and_a_good_token_is_not() {
    let app = App::new().await;
    let key = Signer::named("tenant");
    let keys = std::iter::once(key.public()).chain(other_keys());
    let authority = Authority::publishing(keys.collect()).await;
    let mut options = app.options();
    for (name, value) in settings_for(&authority) {
        options = options.setting(name, value);
    }
    let (host, client) = start(options).await;
    let models = async |token: &str| {
        let request = client.http.get(client.url("/v1/models")).bearer_auth(token);
        request.send().await.unwrap()
    };
    for attack in attacks(&key, &authority.host()) {
        assert_refused(models(&attack.token).await, &attack).await;
    }
    assert_eq!(app.emulator.journal().requests(), []);
    assert_eq!(models(&key.token(&of_user(ADA))).await.status(), 200);
    assert_eq!(host.errors(), []);
}
