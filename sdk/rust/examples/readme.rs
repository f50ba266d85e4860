//! The first example of the README, as it stands there.

use outcrop::{expect, intent, note};
#[intent("Place the order and charge once", within = "2 s")]
fn place_order(cart: &[&str]) {
    note!(cart.item_count = cart.len());
    expect!(["charge-1"].len() == 1, "charged once");
}
fn main() {
    outcrop::init("checkout").expect("nobody else listens to tracing");
    place_order(&["tea", "cups"]);
}
