"""Passwords that cost little: the real number of iterations takes a quarter of a second for each user of a test."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """Django's own hasher, whose hashes every process of ours can check, with a single iteration."""

    iterations = 1
