"""Signatures of OpenSSH are verified, and nothing else is."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.plan.sshsig import SignatureRefused, public_key, verify
from tests.plan.signing import Key

NAMESPACE = "segwright-approval"
DATA = b"approve larkspur production"

# Made by OpenSSH 9.2: `printf 'approve larkspur production' | ssh-keygen -Y sign -n segwright-approval -f key`.
RECORDED = {
    "ssh-ed25519": (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDZayzRXmslpz6SizK9DrXG0WTHX2MwkxXWz8y6sOM9U",
        """-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgNlrLNFeayWnPpKLMr0OtcbRZMd
fYzCTFdbPzLqw4z1QAAAASc2Vnd3JpZ2h0LWFwcHJvdmFsAAAAAAAAAAZzaGE1MTIAAABT
AAAAC3NzaC1lZDI1NTE5AAAAQLYxGzIlPyYJIIx73sRZrz/W1JinzbDTOy304TKss3DfMu
tO2XvAZWOdhQPyTAC6BwAZ2tfZ7hQmNd30Y6bdkw4=
-----END SSH SIGNATURE-----""",
    ),
    "ecdsa-sha2-nistp256": (
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBLnnMIPaX+ocDSNoVt4tVfCAHhi9/z7TtBJgGcgy6Vjgcm3KGq7Z6H4PFgda1h846QwtrC3KhxWtcs0KeaXxh30=",
        """-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAAGgAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAAhuaXN0cDI1NgAAAE
EEuecwg9pf6hwNI2hW3i1V8IAeGL3/PtO0EmAZyDLpWOBybcoartnofg8WB1rWHzjpDC2s
LcqHFa1yzQp5pfGHfQAAABJzZWd3cmlnaHQtYXBwcm92YWwAAAAAAAAABnNoYTUxMgAAAG
QAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAEkAAAAhAMT3pdad4PLrU3jR9BU+WA6fa2tu
z9ROBSObVycpw9vOAAAAIGQRJADm2EX3sC6i+wMHviSgEbwurcllYGksl+eQ311o
-----END SSH SIGNATURE-----""",
    ),
    "ecdsa-sha2-nistp521": (
        "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBADYvUu2m5mYH2phhcWLcZBnnyHSwGwmLly20PjZszNopJkA2N1tmg0QP7IQqwHQ7NENDLlqu2DvrVaUBZS7iFBOTACP74Cu7moITex8g7bzYuuMw9yB4rPrMiEG7hlp2KboXZ/8sLm4oNSV+T1EBLkPKjwHSp4ogWpN2kTrw/C7D4tVqw==",
        """-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAAKwAAAATZWNkc2Etc2hhMi1uaXN0cDUyMQAAAAhuaXN0cDUyMQAAAI
UEANi9S7abmZgfamGFxYtxkGefIdLAbCYuXLbQ+NmzM2ikmQDY3W2aDRA/shCrAdDs0Q0M
uWq7YO+tVpQFlLuIUE5MAI/vgK7uaghN7HyDtvNi64zD3IHis+syIQbuGWnYpuhdn/ywub
ig1JX5PUQEuQ8qPAdKniiBak3aROvD8LsPi1WrAAAAEnNlZ3dyaWdodC1hcHByb3ZhbAAA
AAAAAAAGc2hhNTEyAAAApgAAABNlY2RzYS1zaGEyLW5pc3RwNTIxAAAAiwAAAEIBNZSNik
fpQYelRzOo0+4MBemig61WjqPk8/mPEBWPYjUyrwiZUWr+FoZv5SDLdvC9CC553QgYVy/G
lH1ftpVEX8oAAABBNAeuLXC4TQtlRpwgYQy0wYH5Rn58EfjWVVj1HFxPq7c0hqmH9afwTJ
6VqdqYLPpv02M7ErXGDvwe1S+hRU9rUkA=
-----END SSH SIGNATURE-----""",
    ),
    "ssh-rsa": (
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCr5CoVBcwNBgXnMZ82p9q2Nn8wg1sJ4FM8dBaJ41Hrh6XN6t7Gmas0FQ+981sECGA0aMWSepmzz710XFfvLt9oUdehochJmXqDHToidBv5t9toO4IWyyxzEV8VQgIzItm58J+WjzfyQZ1DTGxk1jOzXPDun2p1VdBRqsdwIVG78rHORO/JGSxoDZI59uCxBEoVDZRI2YVqroO3LQRBfd1my87e8cXmR6hk1mpvhB0w19GuO1m1XttrIwW2kJ+xgqenZOMXTXaFBrmSlagerbDttaza7iEIg+NuLj3lAKOAUJZ0c8P+gXVoB/fIqk0d0W30EAWOpxA5uujZ1QvvZPP/",
        """-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAARcAAAAHc3NoLXJzYQAAAAMBAAEAAAEBAKvkKhUFzA0GBecxnzan2r
Y2fzCDWwngUzx0FonjUeuHpc3q3saZqzQVD73zWwQIYDRoxZJ6mbPPvXRcV+8u32hR16Gh
yEmZeoMdOiJ0G/m322g7ghbLLHMRXxVCAjMi2bnwn5aPN/JBnUNMbGTWM7Nc8O6fanVV0F
Gqx3AhUbvysc5E78kZLGgNkjn24LEEShUNlEjZhWqug7ctBEF93WbLzt7xxeZHqGTWam+E
HTDX0a47WbVe22sjBbaQn7GCp6dk4xdNdoUGuZKVqB6tsO21rNruIQiD424uPeUAo4BQln
Rzw/6BdWgH98iqTR3RbfQQBY6nEDm66NnVC+9k8/8AAAASc2Vnd3JpZ2h0LWFwcHJvdmFs
AAAAAAAAAAZzaGE1MTIAAAEUAAAADHJzYS1zaGEyLTUxMgAAAQByVltxRMZhc9C5f40kNE
kYDtIlB48o9bpso/7hu5WC+yC2KqAiDTXb+jaldrdNzIfpR+/mS96bRc4mR7SESbzgxQK0
mmyivXpDWnUOqBnE6gIwsADoTJZnpOn1QY9NIhoxiw39P6ZdXjYK45vuCLAsjWYPmaauEN
m7tbf2ma3JEcu+vJdFmmu5Irm+zdqWsDN+eKQ910IGc8NYm/+drrrZdVAlgcTq/uWYk3cv
xE1De4MPVsvvvmfghpykru9yrWTj033bvv7kz2bzCfhDzETw+zXcdpte9hyQTG4gzxZhkQ
ZFmcaOJkE0RMiGEJW0XKc3u3YbGrsTnj4AI8uQubxq
-----END SSH SIGNATURE-----""",
    ),
}


@pytest.mark.parametrize("kind", RECORDED)
def test_what_openssh_signed_is_verified(kind):
    public, signature = RECORDED[kind]
    key = verify(signature, DATA, NAMESPACE)
    assert key == public_key(*public.split()[:2])
    with pytest.raises(SignatureRefused, match="does not fit"):
        verify(signature, DATA + b" ", NAMESPACE)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "SECP256R1", "SECP384R1", "SECP521R1"])
@pytest.mark.parametrize("hash_", ["sha256", "sha512"])
def test_every_kind_of_key_and_both_hashes_are_taken(kind, hash_):
    key = Key("alice", kind)
    assert verify(key.sign(DATA, hash_=hash_), DATA, NAMESPACE).fingerprint == key.fingerprint


def test_a_signature_for_something_else_is_refused():
    signature = Key("alice").sign(DATA, "git")
    with pytest.raises(SignatureRefused, match="made for git, not for segwright-approval"):
        verify(signature, DATA, NAMESPACE)


def test_a_short_rsa_key_is_refused():
    with pytest.raises(SignatureRefused, match="fewer than 2,048 bits"):
        verify(Key("alice", "rsa", 1024).sign(DATA), DATA, NAMESPACE)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_signature_with_any_byte_changed_is_refused(place, change):
    data = bytearray(base64.b64decode(Key("alice").sign(DATA)))
    data[place % len(data)] ^= change
    with pytest.raises(SignatureRefused):
        verify(base64.b64encode(bytes(data)).decode(), DATA, NAMESPACE)


@given(st.binary(max_size=300))
def test_anything_else_is_refused_and_never_crashes(data):
    with pytest.raises(SignatureRefused):
        verify(base64.b64encode(data).decode(), DATA, NAMESPACE)
    with pytest.raises(SignatureRefused):
        verify(data.decode("latin-1"), DATA, NAMESPACE)


def test_a_cut_or_longer_signature_is_refused():
    whole = base64.b64decode(Key("alice").sign(DATA))
    for length in range(len(whole)):
        with pytest.raises(SignatureRefused):
            verify(base64.b64encode(whole[:length]).decode(), DATA, NAMESPACE)
    with pytest.raises(SignatureRefused, match="something follows"):
        verify(base64.b64encode(whole + b"x").decode(), DATA, NAMESPACE)
