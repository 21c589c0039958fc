"""The folder of pictures that the tests of data sets begin with."""

from pictures import folder  # noqa: F401  a fixture
