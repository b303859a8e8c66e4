"""
Promises of L{lbproxy.health.scram}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.conversation import ProbeFailed
from lbproxy.health.scram import SaltedPassword, Scram

NONCE = b"rOprNGfwEbeRWgbNEkqO"
CHALLENGE = (
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
)
PROOF = b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def aLogin() -> Scram:
    """
    The example of RFC 7677 3.
    """
    return Scram(SaltedPassword("pencil"), NONCE, b"user")


class ScramTests(SynchronousTestCase):
    """
    Proving to know a password.
    """

    def test_provesItself(self) -> None:
        """
        Our messages are those of the RFC's example.
        """
        scram = aLogin()
        self.assertEqual(scram.first(), b"n,,n=user,r=" + NONCE)
        proof = scram.final(CHALLENGE)
        self.assertTrue(proof.startswith(b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hv"))
        self.assertTrue(proof.endswith(PROOF))

    def test_believesTheServerThatKnowsThePassword(self) -> None:
        """
        The server proves that it knows the password, too.
        """
        scram = aLogin()
        scram.final(CHALLENGE)
        scram.verify(FINAL)

    def test_doubtsTheServerThatDoesNot(self) -> None:
        """
        A server that cannot prove itself fails, also one that tries before it was asked.
        """
        scram = aLogin()
        self.assertRaises(ProbeFailed, scram.verify, FINAL)
        scram.final(CHALLENGE)
        self.assertRaises(ProbeFailed, scram.verify, b"v=AAAA")

    def test_refusesBadChallenges(self) -> None:
        """
        A challenge must be whole, answer our nonce, and ask for a reasonable amount of work.
        """
        for old, new in (
            (b"i=4096", b"i=100000000"),
            (b"i=4096", b"i=0"),
            (b"i=4096", b"i=x"),
            (b"s=W22", b"s=!!!"),
            (b"r=rOpr", b"r=xOpr"),
            (b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", b""),
            (b",i=4096", b""),
        ):
            self.assertRaises(ProbeFailed, aLogin().final, CHALLENGE.replace(old, new))

    def test_takesOneChallenge(self) -> None:
        """
        A server cannot keep us busy with more.
        """
        scram = aLogin()
        scram.final(CHALLENGE)
        self.assertRaises(ProbeFailed, scram.final, CHALLENGE)

    def test_saltsOncePerSalt(self) -> None:
        """
        The costly part is not done again while the salt stays.
        """
        password = SaltedPassword("pencil")
        first = password.salted(b"salt", 4096)
        self.assertIs(password.salted(b"salt", 4096), first)
        self.assertNotEqual(password.salted(b"other", 4096), first)

    def test_neverRepeatsANonce(self) -> None:
        """
        Each login has a nonce of its own.
        """
        password = SaltedPassword("pencil")
        self.assertNotEqual(Scram(password).first(), Scram(password).first())
