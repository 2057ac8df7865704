"""Augmentation of batches of images [batch, channels, height, width], with strengths that each example has for itself, [batch], or all share, []:
the formulas of frontend/lower/std.hn, which are torchvision's."""
import torch


def spread(strength):
    return strength.view(-1, 1, 1, 1)


def uniform(x, low, high):
    """One number for each image, [batch, 1, 1, 1]."""
    return low + (high - low) * torch.rand(len(x), 1, 1, 1)


def random_factor(x, strength):
    return uniform(x, (1 - spread(strength)).clamp_min(0), 1 + spread(strength))


def gray(x):
    red, green, blue = x.split(1, 1)
    return 0.2989 * red + 0.587 * green + 0.114 * blue


def blend(x, other, share):
    return torch.lerp(other, x, share).clamp_(0, 1)


def adjust_hue(x, turn):
    """turn: a part of the circle of hues, [batch, 1, 1, 1]."""
    red, green, _ = x.split(1, 1)
    value = x.amax(1, keepdim=True)
    chroma = value - x.amin(1, keepdim=True)
    to_red, to_green, to_blue = ((value - x) / chroma.masked_fill(chroma == 0, 1)).split(1, 1)
    sector = torch.where(red == value, to_blue - to_green, torch.where(green == value, 2 + to_red - to_blue, 4 + to_green - to_red))
    k = (torch.tensor([5.0, 3.0, 1.0]).view(3, 1, 1) + (sector + 6 * turn)).remainder_(6)
    return value - chroma * torch.minimum(k, 4 - k).clamp_(0, 1)


def jitter(x, brightness, contrast, saturation, hue):
    """x between 0 and 1."""
    x = (x * random_factor(x, brightness)).clamp_(0, 1)
    x = blend(x, gray(x).mean((2, 3), keepdim=True), random_factor(x, contrast))
    x = blend(x, gray(x), random_factor(x, saturation))
    return adjust_hue(x, uniform(x, -spread(hue), spread(hue)))


def cutout(x, holes, length, most):
    """Squares of zeros, cut off at the borders; the numbers of holes and their lengths are whole."""
    length = length.view(-1, 1, 1)

    def inside(extent):
        """[batch, most, extent]"""
        place = torch.arange(extent) - torch.randint(extent, (len(x), most, 1)) + (length / 2).floor()
        return (place >= 0) & (place < length)

    wanted = (torch.arange(most) < holes.view(-1, 1)).view(-1, most, 1, 1)
    hole = inside(x.shape[2]).unsqueeze(3) & inside(x.shape[3]).unsqueeze(2) & wanted
    return x.masked_fill(hole.any(1, keepdim=True), 0)


def scale_noise(x, strength):
    return x * uniform(x, 1 / (1 + spread(strength)), 1 + spread(strength))
